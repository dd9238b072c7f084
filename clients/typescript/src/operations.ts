// What can be asked of a canvas: the input `Operation` of the schema.

import type { Crop, Page, Point, TextElement } from './contract.js';

type Sheet = Partial<Pick<Page, 'name' | 'width' | 'height' | 'background'>>;

export interface Placement {
  clientId?: string;
  pageId?: string;
  x: number;
  y: number;
  width: number;
  height: number;
  scaleX?: number;
  scaleY?: number;
  angle?: number;
  opacity?: number;
  locked?: boolean;
}

interface Stroke {
  stroke?: string | null;
  strokeWidth?: number;
}

type Words = Partial<Pick<TextElement, 'fontSize' | 'fontFamily' | 'color' | 'align'>>;

interface Photo {
  imageId?: string | null;
  crop?: Crop | null;
  cornerRadius?: number;
}

export type CreatePage = Sheet & { clientId?: string; afterPageId?: string | null };
export type UpdatePage = Sheet & { id: string; afterPageId?: string | null };
export type CreateImage = Photo & { placement: Placement };
export type CreateText = Words & { placement: Placement; content: string };
export type CreateRectangle = Stroke & { placement: Placement; fill?: string | null; cornerRadius?: number };
export type CreateCircle = Stroke & { placement: Placement; fill?: string | null };
export type CreateDrawing = Stroke & { placement: Placement; points: Point[] };
export type UpdateElement = Partial<Omit<Placement, 'clientId' | 'pageId'>> &
  Stroke &
  Words &
  Photo & { id: string; ifSeq?: number; content?: string; fill?: string | null; points?: Point[] };
export type MoveElement = {
  id: string;
  ifSeq?: number;
  pageId?: string;
  to?: 'FRONT' | 'BACK' | 'FORWARD' | 'BACKWARD';
  above?: string;
};

/** One verb each, in the order in which they are to be done. */
export type Operation =
  | { createPage: CreatePage }
  | { updatePage: UpdatePage }
  | { deletePage: { id: string } }
  | { createImage: CreateImage }
  | { createText: CreateText }
  | { createRectangle: CreateRectangle }
  | { createCircle: CreateCircle }
  | { createDrawing: CreateDrawing }
  | { updateElement: UpdateElement }
  | { moveElement: MoveElement }
  | { deleteElement: { id: string; ifSeq?: number } };

/** GONE: its element or page was deleted by somebody; NOOP: it was so already. */
export type OperationStatus = 'APPLIED' | 'NOOP' | 'GONE';

/** The operations as they are sent: every new element and page with a clientId, and the ids that follow from them. */
export function named(operations: readonly Operation[]): { operations: Operation[]; ids: (string | null)[] } {
  const ids: (string | null)[] = [];
  // What is sent again must be what was sent first, whatever the caller does to theirs.
  const copies: Operation[] = structuredClone([...operations]);
  for (const operation of copies) {
    if ('createPage' in operation) ids.push(`pg_${(operation.createPage.clientId ??= uuid())}`);
    else {
      const [given] = Object.values(operation) as ({ placement: Placement } | { id: string })[];
      if (given === undefined) throw new TypeError('An operation has a verb.');
      ids.push('placement' in given ? `el_${(given.placement.clientId ??= uuid())}` : null);
    }
  }
  return { operations: copies, ids };
}

/** Without what was left out, which JSON does not send either. */
export function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** By hand, because `crypto.randomUUID` is there in secure contexts only. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
