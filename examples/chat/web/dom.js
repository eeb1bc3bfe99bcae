// The few helpers that the views share. Text only ever gets into the page as
// text, by way of append() and textContent: there is no HTML from strings here.

export const byId = (id) => document.getElementById(id);

/** Makes an element: properties by name, data attributes under "data", then children. */
export function make(tag, { data = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/**
 * Brings a list's children in step with items, keeping the element of each key:
 * a list that is rebuilt at every change would lose focus and hover.
 */
export function reconcile(list, items, { keyOf, create, update }) {
  const keys = new Set(items.map(keyOf));
  const kept = new Map();
  for (const element of [...list.children]) {
    if (keys.has(element.reconcileKey)) kept.set(element.reconcileKey, element);
    else element.remove();
  }
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const element = kept.get(key) ?? Object.assign(create(item), { reconcileKey: key });
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
}

/** A badge with a number, out of the way when there is nothing to count. */
export function setBadge(badge, count, noun) {
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? '99+' : String(count);
  badge.role = 'img'; // what has no role may have no label either
  badge.ariaLabel = `${count} ${noun}`;
}

/** A person's ring, with a colour that is always the same for an id. */
export function jack(userId) {
  const ring = make('span', { className: 'jack' });
  paintJack(ring, userId);
  ring.ariaHidden = 'true';
  return ring;
}

export function paintJack(ring, userId) {
  let hash = 7;
  for (const letter of userId) hash = (hash * 31 + letter.codePointAt(0)) % 9973;
  ring.dataset.hue = String(hash % 8);
  // Ids that are neighbours differ at the end, so that is the part worth showing.
  ring.textContent = userId ? [...userId].slice(-2).join('') : '·';
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** A <time> that shows the minute and tells the rest on hover. */
export function timeOf(at) {
  const date = new Date(at);
  return make('time', { dateTime: date.toISOString(), title: calendar.format(date) }, clock.format(date));
}
