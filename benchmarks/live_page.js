// Put into the page before its own scripts (benchmarks/live.py): a microphone that says what it is given, and a record
// of what the page sent, got, drew and made heard, on the page's own clock.
(() => {
  const log = [];
  const note = (what, more = {}) => log.push({ what, at: performance.now(), ...more });
  window.liveLog = log;

  // the microphone: silence, and utterances on command
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const silence = context.createConstantSource();
  silence.offset.value = 1e-5;
  silence.connect(out);
  silence.start();
  navigator.mediaDevices.getUserMedia = async () => {
    await context.resume();
    return out.stream.clone();
  };
  window.saySound = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const source = context.createBufferSource();
    source.buffer = await context.decodeAudioData(bytes.buffer);
    source.connect(out);
    source.start();
  };

  // the socket: when loud sound left, which events and media came
  const LOUD = 0.01;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (typeof data === "string") note("sent", { message: JSON.parse(data) });
    else {
      const buffer = data.buffer ?? data;
      const samples = new Int16Array(buffer.slice((data.byteOffset ?? 0) + 20, (data.byteOffset ?? 0) + data.byteLength));
      const level = Math.sqrt(samples.reduce((sum, s) => sum + (s / 32768) ** 2, 0) / Math.max(1, samples.length));
      if (level > LOUD) note("loud");
    }
    return send.call(this, data);
  };
  const NativeSocket = WebSocket;
  window.WebSocket = class extends NativeSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        if (typeof data === "string") note("event", { message: JSON.parse(data) });
      });
    }
  };

  // pictures: each drawn one of an answer; the canvas shown and hidden
  const drawImage = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {
    if (image instanceof VideoFrame && this.canvas.classList.contains("live-picture"))
      note("drawn", { pts: image.timestamp, heard: heardUs() });
    return drawImage.call(this, image, ...rest);
  };
  new MutationObserver((changes) => {
    for (const { target } of changes)
      if (target instanceof HTMLCanvasElement && target.classList.contains("live-picture"))
        note(target.classList.contains("on") ? "shown" : "hidden");
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["class"] });

  // sound: what the audio thread reports, whether anything sounds, and the level that is set
  let report = null;
  let loudspeaker = null;
  const heardUs = () => {
    if (!report) return null;
    const passed = report.isRunning ? Math.max(0, loudspeaker.currentTime - report.at) : 0;
    return Math.round((report.read / loudspeaker.sampleRate + passed - latency()) * 1e6);
  };
  const latency = () => loudspeaker.outputLatency || loudspeaker.baseLatency || 0;
  const NativeNode = AudioWorkletNode;
  window.AudioWorkletNode = class extends NativeNode {
    constructor(owner, name, options) {
      super(owner, name, options);
      if (name !== "live-sound") return;
      loudspeaker = owner;
      this.port.addEventListener("message", ({ data }) => (report = data));
      this.port.start();
      const analyser = owner.createAnalyser();
      analyser.fftSize = 256;
      this.connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      let isLoud = false;
      const listen = () => {
        analyser.getFloatTimeDomainData(samples);
        const was = isLoud;
        isLoud = samples.some((s) => Math.abs(s) > 1e-3);
        if (was !== isLoud) note(isLoud ? "sounding" : "silent");
        requestAnimationFrame(listen);
      };
      listen();
    }
  };
  const setTarget = AudioParam.prototype.setTargetAtTime;
  AudioParam.prototype.setTargetAtTime = function (value, ...rest) {
    note("level", { value });
    return setTarget.call(this, value, ...rest);
  };
})();
