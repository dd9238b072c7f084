// Rows and events as the server would tell them.
import { Committed } from '../dist/committed.js';

export const page = (name, orderKey = 'a0') => ({
  ...{ id: `pg_${name}`, name, orderKey, width: null, height: null, background: null },
});

export const rectangle = (name, more = {}) => ({
  ...{ __typename: 'RectangleElement', id: `el_${name}`, pageId: 'pg_one', orderKey: 'a0', seq: 1, locked: false },
  ...{ x: 0, y: 0, width: 10, height: 10, scaleX: 1, scaleY: 1, angle: 0, opacity: 1 },
  ...{ fill: null, stroke: '#000000', strokeWidth: 1, cornerRadius: 0, ...more },
});

export const fields = {
  ...{ id: 'bk_1', title: 'Title', description: null, visibility: 'PRIVATE', deletedAt: null, cover: null },
};

export const snapshot = ({ seq = 1, epoch = 'e', pages = [page('one')], elements = [], images = [] } = {}) => ({
  book: { ...fields, seq, epoch, viewerRole: 'EDITOR', pages, elements },
  images,
  viewerId: 'us_me',
});

export const committed = (given) => new Committed(snapshot(given));

const told = (__typename, seq, more) => ({ __typename, bookId: 'bk_1', seq, batchId: null, ...more });

export const canvas = (seq, more = {}) =>
  told('CanvasChanged', seq, { elements: [], deletedElementIds: [], pages: [], deletedPageIds: [], ...more });

export const images = (seq, more = {}) =>
  told('ImagesChanged', seq, { images: [], deletedImageIds: [], elements: [], deletedElementIds: [], ...more });

export const other = told;
