// A struck string, roughly: a few partials, softer and duller when played softly, dying away sooner the higher it is.
class Synth {
  constructor() {
    this.context = new AudioContext();
    this.volume = this.context.createGain();
    const limit = this.context.createDynamicsCompressor();
    this.volume.connect(limit).connect(this.context.destination);
    const partials = new Float32Array([0, 1, 0.5, 0.28, 0.16, 0.09, 0.06, 0.03]);
    this.wave = this.context.createPeriodicWave(new Float32Array(partials.length), partials);
    this.sounding = new Set();
  }

  get now() {
    return this.context.currentTime;
  }

  // Set how loud all is, 0 to 1; ears hear the square root.
  loudness(value) {
    this.level = value ** 2;
    this.volume.gain.cancelScheduledValues(0);
    this.volume.gain.setValueAtTime(this.level, this.now);
  }

  // Sound a note at a time of the context's clock [s].
  strike(note, when) {
    const hertz = 440 * 2 ** ((note.pitch - 69) / 12);
    const loud = note.velocity / 127;
    const string = new OscillatorNode(this.context, { frequency: hertz });
    string.setPeriodicWave(this.wave);
    const felt = new BiquadFilterNode(this.context, { type: "lowpass", frequency: hertz * (1.5 + 7 * loud) });
    const force = new GainNode(this.context, { gain: 0 });
    const end = when + note.held;
    force.gain.setValueAtTime(0, when);
    force.gain.linearRampToValueAtTime(0.32 * loud ** 1.7, when + 0.006);
    force.gain.setTargetAtTime(0, when + 0.006, 1.6 * 2 ** ((60 - note.pitch) / 22));
    force.gain.setTargetAtTime(0, Math.max(end, when + 0.02), 0.07);
    string.connect(felt).connect(force).connect(this.volume);
    string.start(when);
    string.stop(end + 0.5);
    this.sounding.add(string);
    string.onended = () => { this.sounding.delete(string); force.disconnect(); };
  }

  // End all that sounds and all that waits to; a short fade, so that it does not click.
  hush() {
    this.volume.gain.setTargetAtTime(0, this.now, 0.008);
    this.volume.gain.setValueAtTime(this.level, this.now + 0.05);
    for (const string of this.sounding) string.stop(this.now + 0.04);
    this.sounding.clear();
  }
}
