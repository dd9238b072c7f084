// What people do to a canvas at the same time, drawn by chance: mostly all of them to the same few elements.

const pick = (random, of) => of[Math.floor(random() * of.length)];
const number = (random) => Math.round(random() * 1000) / 4;

/** One operation on the state as this peer sees it. */
export function drawn(random, { pages, elements }) {
  const element = pick(random, elements.slice(0, 6));
  const page = pick(random, pages);
  const placement = { pageId: page.id, x: number(random), y: number(random), width: 100, height: 50 };
  const chance = random();
  if (element === undefined || chance < 0.12) {
    return pick(random, [
      { createRectangle: { placement, fill: '#aabbcc' } },
      { createText: { placement, content: `words ${number(random)}` } },
      { createDrawing: { placement, points: [{ x: 0, y: 0 }, { x: number(random), y: 1 }] } },
      { createImage: { placement: { ...placement, pageId: undefined } } },
    ]);
  }
  const id = element.id;
  if (chance < 0.4) return { updateElement: { id, x: number(random), y: number(random) } };
  if (chance < 0.6) return { updateElement: { id, width: number(random), height: number(random) } };
  if (chance < 0.64) return { updateElement: { id, ifSeq: element.seq, angle: random() } };
  if (chance < 0.74) return { moveElement: { id, to: pick(random, ['FRONT', 'BACK', 'FORWARD', 'BACKWARD']) } };
  if (chance < 0.8) return { moveElement: { id, pageId: page.id } };
  if (chance < 0.84) return { moveElement: { id, above: pick(random, elements).id } };
  if (chance < 0.94) return { deleteElement: { id } };
  if (chance < 0.96) return { createPage: { name: `page ${number(random)}`, afterPageId: page.id } };
  if (chance < 0.98) return { updatePage: { id: page.id, name: 'named', afterPageId: null } };
  return { deletePage: { id: page.id } };
}
