// Draws what moves: value, trace, rate bar, rest, pace. Looks its elements up anew, because the page may replace them.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const RATE_WINDOW_S = 0.5;
  let due = false;

  function show(id, text) {
    const element = byId(id);
    if (element && element.textContent !== text) element.textContent = text;
  }

  function value(picture) {
    // Only what is measured now: afterwards the result is the number that counts, and this one is the plate's.
    const last = picture.live ? QST.readings[QST.readings.length - 1] : null;
    const scale = picture.scale;
    show("value", last && scale ? `${(last[1] / scale.per_unit).toFixed(scale.decimals)} ${scale.unit}` : "");
  }

  function rest(picture) {
    const left = Math.ceil(picture.rest || 0);
    show("rest-left", left > 0 ? `${left} s` : "");
    const box = byId("rest");
    if (box) box.hidden = left <= 0;
  }

  function pace(picture) {
    const box = byId("pace");
    if (box) box.hidden = !picture.expected;
    if (!picture.expected) return;
    show("pace-expected", picture.expected);
    show("pace-elapsed", `${picture.elapsed.toFixed(1)} s`);
    const beat = Math.floor(picture.elapsed);
    if (QST.beat !== beat) {
      QST.beat = beat;
      if (QST.tone) QST.tone(880, 0.06);
    }
  }

  function slope() {
    // Least squares over the last half second.
    const readings = QST.readings;
    if (readings.length < 3) return null;
    const until = readings[readings.length - 1][0];
    const recent = readings.filter((reading) => reading[0] >= until - RATE_WINDOW_S);
    if (recent.length < 3) return null;
    const mean_t = recent.reduce((sum, one) => sum + one[0], 0) / recent.length;
    const mean_v = recent.reduce((sum, one) => sum + one[1], 0) / recent.length;
    const spread = recent.reduce((sum, one) => sum + (one[0] - mean_t) ** 2, 0);
    return spread > 0 ? recent.reduce((sum, one) => sum + (one[0] - mean_t) * (one[1] - mean_v), 0) / spread : null;
  }

  function rate(picture) {
    const bar = byId("rate");
    if (!bar) return;
    const scale = picture.scale;
    const wanted = Boolean(scale && scale.hand && !scale.read);
    bar.hidden = !wanted;
    if (!wanted) return;
    const now = picture.state === "ramp" ? slope() : null;
    const share = now === null ? 0 : Math.min(Math.max(now / scale.rate, 0), 2);
    byId("rate-needle").style.left = `${share * 50}%`;
    const band = byId("rate-band");
    band.style.left = `${(1 - scale.band) * 50}%`;
    band.style.width = `${scale.band * 100}%`;
    let word = "wait for the start";
    if (picture.release) word = "LET GO";
    else if (now !== null) word = share < 1 - scale.band ? "press FASTER" : share > 1 + scale.band ? "press SLOWER" : "GOOD";
    show("rate-word", word);
    if (QST.tone && now !== null && !picture.release && word !== "GOOD") {
      const late = performance.now() - (QST.toned || 0) > 250;
      if (late) {
        QST.toned = performance.now();
        QST.tone(share < 1 ? 330 : 990, 0.08);
      }
    }
  }

  function trace(picture) {
    const canvas = byId("trace");
    if (!canvas || !canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const scale = picture.scale;
    if (!scale) return;
    const left = 46, right = 10, top = 12, bottom = 22;
    const readings = QST.readings;
    const first = picture.state === "ramp" || !readings.length ? picture.since || 0 : readings[0][0];
    const last = readings.length ? readings[readings.length - 1][0] : first;
    const full = Math.abs(scale.cutoff - scale.start) / scale.rate;
    const span = Math.max(last - first, Math.min(full, 10), 1) * 1.05;
    const low = Math.min(scale.start, scale.cutoff), high = Math.max(scale.start, scale.cutoff);
    const pad = (high - low) * 0.06;
    const x = (time) => left + ((time - first) / span) * (width - left - right);
    const y = (what) => height - bottom - ((what - low + pad) / (high - low + 2 * pad)) * (height - top - bottom);
    const ink = colour("--ink"), soft = colour("--soft"), stop = colour("--stop"), line = colour("--accent");
    pen.font = "13px system-ui, sans-serif";
    pen.fillStyle = ink;
    pen.textAlign = "right";
    for (let step = 0; step <= 4; step++) {
      const level = low + ((high - low) * step) / 4;
      pen.fillText((level / scale.per_unit).toFixed(scale.per_unit === 1 ? 0 : 1), left - 6, y(level) + 4);
      pen.strokeStyle = soft;
      pen.lineWidth = 0.5;
      pen.beginPath();
      pen.moveTo(left, y(level));
      pen.lineTo(width - right, y(level));
      pen.stroke();
    }
    if (picture.state === "ramp") target(pen, scale, first, span, x, y, soft);
    pen.setLineDash([8, 5]);
    pen.lineWidth = 2;
    pen.strokeStyle = stop;
    pen.beginPath();
    pen.moveTo(left, y(scale.cutoff));
    pen.lineTo(width - right, y(scale.cutoff));
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = ink;
    pen.textAlign = "left";
    pen.fillText("cut-off", left + 6, y(scale.cutoff) + (scale.cutoff > scale.start ? 16 : -6));
    pen.lineWidth = 2.5;
    pen.strokeStyle = line;
    pen.beginPath();
    readings.forEach(([time, what], index) => (index ? pen.lineTo(x(time), y(what)) : pen.moveTo(x(time), y(what))));
    pen.stroke();
    if (picture.response !== null && picture.response !== undefined) mark(pen, picture.response, left, width - right, y, ink);
    pen.fillStyle = ink;
    pen.textAlign = "right";
    pen.fillText(`${span.toFixed(0)} s`, width - right, height - 6);
  }

  function target(pen, scale, first, span, x, y, soft) {
    // Where the ramp should be, and for a hand the band around it.
    const sign = Math.sign(scale.cutoff - scale.start);
    const full = Math.abs(scale.cutoff - scale.start) / scale.rate;
    const end = (share) => Math.min(full / share, span);
    const at = (time, share) => scale.start + sign * scale.rate * share * time;
    if (scale.hand) {
      pen.fillStyle = soft;
      pen.globalAlpha = 0.35;
      pen.beginPath();
      pen.moveTo(x(first), y(scale.start));
      const [fast, slow] = [1 + scale.band, 1 - scale.band];
      const top = y(at(end(fast), fast));
      pen.lineTo(x(first + end(fast)), top);
      pen.lineTo(x(first + end(slow)), top); // along the cut-off, where a fast hand comes to it first
      pen.lineTo(x(first + end(slow)), y(at(end(slow), slow)));
      pen.fill();
      pen.globalAlpha = 1;
    }
    pen.strokeStyle = soft;
    pen.lineWidth = 1.5;
    pen.setLineDash([2, 4]);
    pen.beginPath();
    pen.moveTo(x(first), y(scale.start));
    pen.lineTo(x(first + end(1)), y(at(end(1), 1)));
    pen.stroke();
    pen.setLineDash([]);
  }

  function mark(pen, response, left, right, y, ink) {
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(left, y(response));
    pen.lineTo(right, y(response));
    pen.stroke();
    pen.beginPath();
    pen.moveTo(right - 8, y(response));
    pen.lineTo(right, y(response) - 6);
    pen.lineTo(right, y(response) + 6);
    pen.fillStyle = ink;
    pen.fill();
    pen.textAlign = "right";
    pen.fillText("response", right - 10, y(response) - 5);
  }

  function words(picture) {
    const said = { operator_stop: "Stop received.", estop: "Emergency stop received.", participant_withdrew: "Withdrawal received." };
    const pausing = picture.pausing ? "A pause is asked for; it begins when nothing runs." : "";
    show("stop-seen", [said[picture.stop], pausing].filter(Boolean).join(" "));
    show("unwatched", picture.unwatched ? `The visit has made itself safe and pauses: ${picture.unwatched}.` : "");
    const states = {
      adapt: "The plate goes to its start temperature.",
      settle: "The plate settles at its start temperature.",
      ready: "Ready.",
      ramp: picture.release ? "The stimulus ends." : "The stimulus runs.",
      return: "The stimulus ends.",
      done: "",
    };
    show("state", states[picture.state] || "");
  }

  function alarm(picture) {
    const text = picture.alarm || "";
    if (text && QST.alarmed !== text) ring(picture.urgent ? 1400 : 700, picture.urgent ? 0.5 : 0.2);
    QST.alarmed = text;
    show("alarm", text);
  }

  function ring(hertz, seconds) {
    // An alarm rings whether or not the other tones are wanted; the click that began the visit has allowed it.
    QST.audio = QST.audio || new AudioContext();
    const source = QST.audio.createOscillator(), gain = QST.audio.createGain();
    gain.gain.value = 0.3;
    source.frequency.value = hertz;
    source.connect(gain).connect(QST.audio.destination);
    source.start();
    source.stop(QST.audio.currentTime + seconds);
  }

  function sound() {
    // Sound needs a person's click first; the button says whether it is on.
    const button = byId("sound");
    if (!button || button.dataset.wired) return;
    button.dataset.wired = "yes";
    button.setAttribute("aria-pressed", String(Boolean(QST.tone)));
    button.addEventListener("click", () => {
      if (QST.tone) QST.tone = null;
      else {
        QST.tone = ring;
      }
      button.setAttribute("aria-pressed", String(Boolean(QST.tone)));
    });
  }

  QST.draw = () => {
    due = false;
    const picture = QST.picture;
    words(picture);
    alarm(picture);
    value(picture);
    rest(picture);
    pace(picture);
    rate(picture);
    trace(picture);
    sound();
  };
  QST.listeners.push(() => {
    if (!due) {
      due = true;
      requestAnimationFrame(QST.draw);
    }
  });
  window.addEventListener("resize", () => QST.draw());
  // Light or dark is a class of the body: what is drawn takes its colours from there.
  new MutationObserver(() => QST.draw()).observe(document.body, { attributeFilter: ["class"] });
})();
