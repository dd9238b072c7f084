// Fractional indexes, as the server makes them (David Greenspan, "Implementing Fractional Indexing", 2020).

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FIRST = 'a0';
const LEAST = 'A' + '0'.repeat(26);

export interface Ordered {
  readonly id: string;
  readonly orderKey: string;
}

export function inOrder(one: Ordered, other: Ordered): number {
  if (one.orderKey !== other.orderKey) return one.orderKey < other.orderKey ? -1 : 1;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** A key above `before` and below `after`; null is an end. Where two neighbours share a key, one just above both. */
export function between(before: string | null, after: string | null): string {
  if (before !== null && after !== null && before >= after) return before + DIGITS[DIGITS.length >> 1];
  if (before === null) return after === null ? FIRST : below(after);
  const whole = wholeOf(before);
  const fraction = before.slice(whole.length);
  if (after === null) return raised(whole) ?? whole + middle(fraction, null);
  const high = wholeOf(after);
  if (whole === high) return whole + middle(fraction, after.slice(high.length));
  const next = raised(whole);
  return next !== null && next < after ? next : whole + middle(fraction, null);
}

function below(after: string): string {
  const whole = wholeOf(after);
  if (whole === LEAST) return whole + middle('', after.slice(whole.length));
  if (whole < after) return whole;
  const less = lowered(whole);
  return less === LEAST ? less + middle('', null) : less;
}

/** The integer part: a to z lead 2 to 27 characters upwards, Z to A as many downwards. */
function wholeOf(key: string): string {
  const head = key.charCodeAt(0);
  const length = head >= 97 ? head - 97 + 2 : 90 - head + 2;
  return key.slice(0, length);
}

function raised(whole: string): string | null {
  const digits = [...whole.slice(1)];
  for (let place = digits.length - 1; place >= 0; place--) {
    const digit = DIGITS.indexOf(digits[place]!);
    if (digit < DIGITS.length - 1) {
      digits[place] = DIGITS[digit + 1]!;
      return whole[0] + digits.join('');
    }
    digits[place] = '0';
  }
  if (whole[0] === 'Z') return FIRST;
  if (whole[0] === 'z') return null;
  const head = whole.charCodeAt(0);
  return String.fromCharCode(head + 1) + '0'.repeat(digits.length + (head >= 97 ? 1 : -1));
}

function lowered(whole: string): string {
  const digits = [...whole.slice(1)];
  for (let place = digits.length - 1; place >= 0; place--) {
    const digit = DIGITS.indexOf(digits[place]!);
    if (digit > 0) {
      digits[place] = DIGITS[digit - 1]!;
      return whole[0] + digits.join('');
    }
    digits[place] = 'z';
  }
  if (whole[0] === 'a') return 'Zz';
  const head = whole.charCodeAt(0);
  return String.fromCharCode(head - 1) + 'z'.repeat(digits.length + (head > 97 ? -1 : 1));
}

/** A fraction between two, neither of which ends in zero; null is one, and the empty one is zero. */
function middle(low: string, high: string | null): string {
  if (high !== null) {
    let same = 0;
    while (same < high.length && (low[same] ?? '0') === high[same]) same++;
    if (same > 0) return high.slice(0, same) + middle(low.slice(same), high.slice(same));
  }
  const least = low === '' ? 0 : DIGITS.indexOf(low[0]!);
  const most = high ? DIGITS.indexOf(high[0]!) : DIGITS.length;
  if (most - least > 1) return DIGITS[(least + most + 1) >> 1]!;
  if (high !== null && high.length > 1) return high[0]!;
  return DIGITS[least] + middle(low.slice(1), null);
}
