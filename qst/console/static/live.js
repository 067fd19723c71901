// The page's own line to the console: stops and keys go out at once, the running picture comes in.
// It does not depend on anything else of the page: if the rest is slow or gone, Stop still works.
"use strict";

const QST = (window.QST = { picture: {}, listeners: [], socket: null, readings: [] });

(() => {
  const participant = document.documentElement.dataset.view === "participant";
  let wait_ms = 250;
  let answered_ms = -1000;

  function viewKey() {
    // Kept over a reload of this tab, so that the tab goes on deciding.
    let key = sessionStorage.getItem("qst-view");
    if (!key) {
      key = crypto.getRandomValues(new Uint32Array(4)).join("-");
      sessionStorage.setItem("qst-view", key);
    }
    return key;
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const page = document.documentElement.dataset.page || "";
    const view = participant ? "participant" : "operator";
    const socket = new WebSocket(`${scheme}//${location.host}/live?view=${view}&key=${viewKey()}&page=${page}`);
    QST.socket = socket;
    socket.onopen = () => {
      wait_ms = 250;
      document.body.classList.remove("line-lost");
    };
    socket.onmessage = (message) => {
      const picture = JSON.parse(message.data);
      const now = performance.now();
      if (!participant && now - answered_ms > 400) {
        answered_ms = now;
        socket.send('{"kind":"alive"}');
      }
      take(picture);
    };
    socket.onclose = () => {
      document.body.classList.add("line-lost");
      setTimeout(connect, wait_ms);
      wait_ms = Math.min(wait_ms * 1.5, 2000);
    };
  }

  function take(picture) {
    if (picture.restart) QST.readings = [];
    for (const reading of picture.readings || []) QST.readings.push(reading);
    if (QST.readings.length > 4000) QST.readings = QST.readings.filter((_, index) => index % 2 === 0);
    QST.picture = picture;
    document.body.dataset.phase = picture.phase || "";
    document.body.dataset.state = picture.state || "";
    for (const listener of QST.listeners) listener(picture);
  }

  function say(text) {
    if (QST.socket && QST.socket.readyState === WebSocket.OPEN) {
      QST.socket.send(text);
      return true;
    }
    return false;
  }

  QST.stop = (cause) => {
    if (!say(JSON.stringify({ kind: "stop", cause }))) {
      fetch("/stop", { method: "POST", body: cause, keepalive: true, credentials: "same-origin" });
    }
    const bar = document.getElementById("stopbar");
    if (bar) {
      bar.classList.remove("flash");
      requestAnimationFrame(() => bar.classList.add("flash"));
    }
  };

  // -- keys -----------------------------------------------------------------------------------------------------

  const STOPS = { Escape: "operator_stop", "!": "estop" };
  const OPENING_MS = 3000;
  const typing = (element) =>
    element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
  const named = (event) => (event.key.length === 1 ? event.key.toLowerCase() : event.key); // Caps Lock takes no key away
  const walkedTo = () => document.activeElement && document.activeElement.matches("button:focus-visible, a:focus-visible");

  function buttonOf(key) {
    const wanted = CSS.escape(key);
    return [...document.querySelectorAll(`[data-key="${wanted}"]`)].find((one) => !one.disabled && one.offsetParent);
  }

  // -- lines to type in ---------------------------------------------------------------------------------------------
  // While one is on the page, or on its way because the control that opens it was used, what can be written is text
  // and no command: a reason that begins with a "w" is no withdrawal.

  const lines = () => [...document.querySelectorAll("[data-line]")].filter((one) => one.offsetParent);
  let opening = null; // the lines that were there before, and what has been typed since
  const appears = new MutationObserver(opened);

  function opens() {
    const mine = (opening = { before: lines(), text: "" });
    appears.observe(document.body, { childList: true, subtree: true });
    setTimeout(() => {
      if (opening === mine) close(); // it does not come: another page decides, or the question is gone
    }, OPENING_MS);
  }

  function close() {
    opening = null;
    appears.disconnect();
  }

  function opened() {
    const line = lines().find((one) => !opening.before.includes(one));
    if (!line) return;
    const text = opening.text;
    close();
    const preset = /^[0-9]/.test(text) && buttonOf(text[0]);
    if (preset) preset.click();
    else if (text) {
      line.value = text;
      line.dispatchEvent(new Event("input"));
      line.focus();
    }
  }

  function early(event) {
    // Typed before the line is there: it gets it when it comes.
    if (event.key === "Backspace") opening.text = opening.text.slice(0, -1);
    else if (event.key.length === 1) opening.text += event.key;
    else if (event.key !== "Enter") return false;
    event.preventDefault();
    return true;
  }

  function written(event, standing) {
    // Whether this key is a line's; if need be the line gets the focus, and the browser writes into it.
    const line = standing.includes(event.target) ? event.target : standing[0];
    if (walkedTo() && (event.key === " " || event.key === "Enter") && line !== event.target) return false;
    if (event.key === "Enter") {
      if (line !== event.target) line.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
      return true;
    }
    if (event.key !== "Backspace" && event.key.length !== 1) return false;
    const empty = standing.every((one) => !one.value);
    const button = empty && /^([0-9]|Backspace)$/.test(event.key) ? buttonOf(event.key) : null;
    if (button) {
      event.preventDefault();
      if (!event.repeat) button.click();
    } else if (line !== event.target) line.focus();
    return true;
  }

  // -----------------------------------------------------------------------------------------------------------------

  let buttonDown = false;
  function moveButton(down) {
    if (down === buttonDown) return;
    buttonDown = down;
    say(down ? '{"kind":"button-down"}' : '{"kind":"button-up"}');
  }

  function pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const key = named(event);
    const standing = lines();
    const writing = opening || standing.length > 0 || typing(event.target);
    const running = QST.picture.phase === "running" || QST.picture.phase === "starting";
    if (running && STOPS[key]) {
      event.preventDefault();
      if (!event.repeat) QST.stop(STOPS[key]);
      return;
    }
    if (running && key === QST.picture.button && !(writing && key.length === 1)) {
      event.preventDefault();
      if (!event.repeat) moveButton(true);
      return;
    }
    if (opening ? early(event) : standing.length > 0 && written(event, standing)) return;
    if (typing(event.target)) return;
    if (running && key === "w") {
      if (!event.repeat) QST.stop("participant_withdrew");
      return;
    }
    if (running && key === "p") {
      if (!event.repeat) say('{"kind":"pause"}');
      return;
    }
    if (key === "Enter" && walkedTo()) return; // the button that the person has walked to
    if (event.repeat) return;
    const button = buttonOf(key);
    if (button) {
      event.preventDefault();
      button.click();
    }
  }

  if (!participant) {
    document.addEventListener("keydown", pressed, true);
    document.addEventListener(
      "keyup",
      (event) => {
        if (named(event) !== QST.picture.button) return;
        // A space that is the participant's button must not press a button of the page as well.
        if (buttonDown && event.key === " ") event.preventDefault();
        moveButton(false); // wherever the focus has gone meanwhile
      },
      true,
    );
    // A window that is left sees no key come up.
    window.addEventListener("blur", () => moveButton(false));
    document.addEventListener(
      "click",
      (event) => {
        const button = event.target.closest("[data-opens]");
        if (button && !button.disabled) opens();
      },
      true,
    );
    // A stop counts when the finger or the mouse comes down: a tenth of a second earlier than a click.
    document.addEventListener("pointerdown", (event) => {
      const button = event.target.closest("[data-stop]");
      if (button) QST.stop(button.dataset.stop);
    });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-stop]");
      if (button && event.detail === 0) QST.stop(button.dataset.stop); // by a key, or by a screen reader
      const other = event.target.closest("[data-say]");
      if (other) say(JSON.stringify({ kind: other.dataset.say }));
      // The next Enter answers the question and is no second stop, whoever pressed the first one how.
      if (button || other) (button || other).blur();
    });
    // Likewise a mouse leaves no button behind that the next Enter would press; a line that is written in stays it.
    document.addEventListener("mousedown", (event) => {
      if (!event.target.closest("button, a")) return;
      event.preventDefault();
      if (document.activeElement && document.activeElement.matches("button, a")) document.activeElement.blur();
    });
  }
  connect();
})();
