// The participant's window: words and a calm sign, never a number.
"use strict";

QST.listeners.push((picture) => {
  const scenes = {
    welcome: ["Welcome", "We will begin in a moment."],
    ready: ["We are getting ready", "Nothing happens yet."],
    attend: ["Press the button when it hurts", "At the first moment, and not before."],
    rest: ["Rest", "The next one comes in a moment."],
    pause: ["Pause", "Nothing happens now."],
    over: ["Thank you", "It is over."],
  };
  const [title, text] = scenes[picture.scene] || scenes.welcome;
  document.body.dataset.scene = picture.scene || "welcome";
  document.getElementById("scene-title").textContent = title;
  document.getElementById("scene-text").textContent = text;
});
