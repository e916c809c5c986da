// The broadcast as an event: what it is called, when it is, and where it is in its course.

const ASK_SOON_MS = 10_000; // while something is waited for
const ASK_LATER_MS = 60_000; // a title may be mended

export const BY_ITSELF = 'This page starts playing by itself as soon as it does.';

// What is told of the broadcast: { title, start, end, phase }, dates as `Date`; without an answer, nothing.
export let event = {};

const date = (text) => (text === undefined ? undefined : new Date(text));

async function ask() {
  let answer;
  try {
    answer = await fetch(new URL('event.json', location.origin + location.pathname));
  } catch {
    return; // what was known is still the best there is
  }
  if (answer.status === 404) event = {};
  if (!answer.ok) return;
  const { title, start, end, phase } = await answer.json().catch(() => ({}));
  event = { title, start: date(start), end: date(end), phase };
}

// Keeps to what is told; `isWaiting` says whether the viewer waits for the broadcast to begin or go on.
export async function followEvent(isWaiting, changed) {
  await ask();
  changed();
  // Not all of an audience at once.
  setTimeout(() => followEvent(isWaiting, changed), (isWaiting() ? ASK_SOON_MS : ASK_LATER_MS) * (0.75 + Math.random() / 2));
}

const two = (number) => String(number).padStart(2, '0');

// "2 d 3 h", "1 h 02 min", "4 min 09 s", "9 s".
function duration(ms) {
  const seconds = Math.ceil(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit));
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${two(minutes % 60)} min`;
  return minutes ? `${minutes} min ${two(seconds % 60)} s` : `${seconds} s`;
}

// In the viewer's own language, zone and habits.
const DATE = new Intl.DateTimeFormat(undefined, {
  weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', hour: 'numeric', minute: '2-digit', timeZoneName: 'short',
});

export const isOver = () => event.phase === 'ended' || event.phase === 'over';

export const isToCome = () => event.start !== undefined && Date.now() < event.start.getTime() && !isOver();

// What is shown in place of a picture that is not there, `[title, text]`; `undefined`: nothing in particular is known.
export function announcement() {
  if (isOver()) return ['This broadcast has ended', 'There is nothing of it to be watched.'];
  if (!event.start) return undefined;
  const date = `${DATE.format(event.start)}.`;
  if (!isToCome()) return ['About to start', `Planned for ${date} ${BY_ITSELF}`];
  return [`Starts in ${duration(event.start.getTime() - Date.now())}`, `${date} ${BY_ITSELF}`];
}
