// What the server says and takes, as in its schema: the part of it that a canvas is made of.
// A selection that asks for more can name it here, by merging: declare module 'leporello-client' { interface ... }.

export type Role = 'OWNER' | 'EDITOR' | 'CONTRIBUTOR' | 'VIEWER';

export interface BookFields {
  id: string;
  title: string;
  description: string | null;
  visibility: 'PRIVATE' | 'PUBLIC';
  deletedAt: string | null;
  cover: { id: string } | null;
}

export interface Page {
  id: string;
  name: string | null;
  orderKey: string;
  width: number | null;
  height: number | null;
  background: string | null;
}

export interface Image {
  id: string;
  status: 'PENDING' | 'PROCESSING' | 'READY' | 'FAILED';
  failureReason: string | null;
  filename: string;
  contentType: string;
  size: number;
  width: number | null;
  height: number | null;
  createdAt: string;
  deletedAt: string | null;
}

export interface ElementFields {
  id: string;
  pageId: string;
  x: number;
  y: number;
  width: number;
  height: number;
  scaleX: number;
  scaleY: number;
  angle: number;
  opacity: number;
  orderKey: string;
  locked: boolean;
  /** The book's seq when it last changed; 0 of one that only this client has so far. */
  seq: number;
}

export interface Crop {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface ImageElement extends ElementFields {
  __typename: 'ImageElement';
  imageId: string | null;
  crop: Crop | null;
  cornerRadius: number;
}

export interface TextElement extends ElementFields {
  __typename: 'TextElement';
  content: string;
  fontSize: number;
  fontFamily: string | null;
  color: string;
  align: 'LEFT' | 'CENTER' | 'RIGHT';
}

export interface RectangleElement extends ElementFields {
  __typename: 'RectangleElement';
  fill: string | null;
  stroke: string | null;
  strokeWidth: number;
  cornerRadius: number;
}

export interface CircleElement extends ElementFields {
  __typename: 'CircleElement';
  fill: string | null;
  stroke: string | null;
  strokeWidth: number;
}

export interface DrawingElement extends ElementFields {
  __typename: 'DrawingElement';
  points: Point[];
  stroke: string | null;
  strokeWidth: number;
}

export type Element = ImageElement | TextElement | RectangleElement | CircleElement | DrawingElement;

interface Told {
  bookId: string;
  seq: number;
  batchId: string | null;
}

export interface CanvasChanged extends Told {
  __typename: 'CanvasChanged';
  elements: Element[];
  deletedElementIds: string[];
  pages: Page[];
  deletedPageIds: string[];
}

export interface ImagesChanged extends Told {
  __typename: 'ImagesChanged';
  images: Image[];
  deletedImageIds: string[];
  elements: Element[];
  deletedElementIds: string[];
}

export interface MembersChanged extends Told {
  __typename: 'MembersChanged';
  members: { role: Role; user: { id: string } }[];
  removedUserIds: string[];
}

export interface CommentsChanged extends Told {
  __typename: 'CommentsChanged';
}

export interface BookChanged extends Told {
  __typename: 'BookChanged';
  book: BookFields;
}

export interface Resync extends Told {
  __typename: 'Resync';
  epoch: string;
}

/** A newer server may tell of kinds that are not among these. */
export type BookEvent = CanvasChanged | ImagesChanged | MembersChanged | CommentsChanged | BookChanged | Resync;

/** The book at one moment, with all its images. */
export interface Snapshot {
  book: BookFields & { seq: number; epoch: string; viewerRole: Role | null; pages: Page[]; elements: Element[] };
  images: Image[];
  viewerId: string | null;
}

export interface UserError {
  code: string;
  message: string;
  path: string[];
}
