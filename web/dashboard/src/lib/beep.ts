/** A short tone, made and not loaded: two rising notes, thrice for what is critical. */

let context: AudioContext | null = null;

/** What to do where the browser holds sounds back. */
export const soundWorks = "The browser lets no sound out before something on this page is pressed.";

/** Play it; tells whether it could be heard. */
export async function beep(level: string): Promise<boolean> {
  if (!("AudioContext" in globalThis)) return false;
  context ??= new AudioContext();
  // Without a press on the page `resume` waits for ever in some browsers.
  if (context.state !== "running") await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 300))]);
  if (context.state !== "running") return false;
  const times = level === "critical" ? 3 : 1;
  for (let at = 0; at < times; at += 1) {
    note(context, 660, context.currentTime + at * 0.4, 0.12);
    note(context, 880, context.currentTime + at * 0.4 + 0.14, 0.18);
  }
  return true;
}

function note(on: AudioContext, hertz: number, from: number, seconds: number): void {
  const tone = on.createOscillator();
  const volume = on.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0.0001, from);
  volume.gain.exponentialRampToValueAtTime(0.2, from + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, from + seconds);
  tone.connect(volume).connect(on.destination);
  tone.start(from);
  tone.stop(from + seconds);
}
