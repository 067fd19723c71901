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
  const typing = (element) =>
    element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));

  function isButton(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    return QST.picture.button === key && !(typing(event.target) && key.length === 1);
  }

  let buttonDown = false;
  function moveButton(down) {
    if (down === buttonDown) return;
    buttonDown = down;
    say(down ? '{"kind":"button-down"}' : '{"kind":"button-up"}');
  }

  function pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const running = QST.picture.phase === "running" || QST.picture.phase === "starting";
    if (running && STOPS[event.key]) {
      event.preventDefault();
      if (!event.repeat) QST.stop(STOPS[event.key]);
      return;
    }
    if (running && isButton(event)) {
      event.preventDefault();
      if (!event.repeat) moveButton(true);
      return;
    }
    if (typing(event.target)) return;
    if (running && event.key === "w") {
      if (!event.repeat) QST.stop("participant_withdrew");
      return;
    }
    if (running && event.key === "p") {
      if (!event.repeat) say('{"kind":"pause"}');
      return;
    }
    if (event.key === "Enter" && document.activeElement && document.activeElement.matches("button:focus-visible, a:focus-visible")) {
      return; // the button that the person has walked to
    }
    if (event.repeat) return;
    const wanted = CSS.escape(event.key);
    const button = [...document.querySelectorAll(`[data-key="${wanted}"]`)].find((one) => !one.disabled && one.offsetParent);
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
        if (!QST.picture.button) return;
        const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        if (key === QST.picture.button) moveButton(false); // wherever the focus has gone meanwhile
        // A space that is the participant's button must not press a button of the page as well.
        if (event.key === " " && isButton(event)) event.preventDefault();
      },
      true,
    );
    // A window that is left sees no key come up.
    window.addEventListener("blur", () => moveButton(false));
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
    });
  }
  connect();
})();
