// What is asked. The selections are the application's to extend; the rest is what following a book needs.

/** Fields to ask for besides the usual ones, such as {element: 'updatedAt createdBy { id name }'}. */
export interface Selection {
  book?: string;
  page?: string;
  element?: string;
  image?: string;
  presence?: string;
}

export interface Documents {
  snapshot: string;
  images: string;
  events: string;
  apply: string;
  presence: string;
  move: string;
}

export const RENEW = `mutation Renew($accessToken: String!) {
  renewConnection(accessToken: $accessToken) { userErrors { code message path } }
}`;

/** As many images as a page of them has. */
const IMAGES = 100;

export function documents(more: Selection = {}): Documents {
  const book = `fragment BookFields on Book {
  id title description visibility deletedAt cover { id } ${more.book ?? ''}
}`;
  const page = `fragment PageFields on Page { id name orderKey width height background ${more.page ?? ''} }`;
  const element = `fragment ElementFields on Element {
  __typename id pageId x y width height scaleX scaleY angle opacity orderKey locked seq ${more.element ?? ''}
  ... on ImageElement { imageId crop { x y width height } cornerRadius }
  ... on TextElement { content fontSize fontFamily color align }
  ... on RectangleElement { fill stroke strokeWidth cornerRadius }
  ... on CircleElement { fill stroke strokeWidth }
  ... on DrawingElement { points { x y } stroke strokeWidth }
}`;
  const image = `fragment ImageFields on Image {
  id status failureReason filename contentType size width height createdAt deletedAt ${more.image ?? ''}
}`;
  const connection = `nodes { ...ImageFields } pageInfo { hasNextPage endCursor }`;
  return {
    snapshot: `query Snapshot($bookId: ID!) {
  viewer { user { id } }
  book(id: $bookId) {
    ...BookFields seq epoch viewerRole
    pages { ...PageFields }
    elements { ...ElementFields }
    images(first: ${IMAGES}) { ${connection} }
  }
}
${book}
${page}
${element}
${image}`,
    images: `query Images($bookId: ID!, $after: String) {
  book(id: $bookId) { images(first: ${IMAGES}, after: $after) { ${connection} } }
}
${image}`,
    // Nothing here depends on who asks, so that the server can tell many at the cost of one.
    events: `subscription Events($bookId: ID!, $after: Int, $epoch: String) {
  bookEvents(bookId: $bookId, after: $after, epoch: $epoch) {
    __typename bookId seq batchId
    ... on CanvasChanged {
      elements { ...ElementFields } deletedElementIds
      pages { ...PageFields } deletedPageIds
    }
    ... on ImagesChanged {
      images { ...ImageFields } deletedImageIds
      elements { ...ElementFields } deletedElementIds
    }
    ... on MembersChanged { members { role user { id } } removedUserIds }
    ... on BookChanged { book { ...BookFields } }
    ... on Resync { epoch }
  }
}
${book}
${page}
${element}
${image}`,
    apply: `mutation Apply($input: ApplyOperationsInput!) {
  applyOperations(input: $input) {
    seq
    results { status }
    conflicts { ...ElementFields }
    userErrors { code message path }
  }
}
${element}`,
    presence: `subscription Presence($bookId: ID!, $clientId: String!) {
  presence(bookId: $bookId, clientId: $clientId) {
    __typename
    ... on PresenceSnapshot { selfId present { ...PresenceFields } }
    ... on PresenceUpdated { presence { ...PresenceFields } }
    ... on PresenceLeft { id }
  }
}
fragment PresenceFields on Presence {
  id user { id name } role joinedAt pageId cursor { x y } selection
  frames { elementId x y width height scaleX scaleY angle } ${more.presence ?? ''}
}`,
    move: `mutation Move($input: UpdatePresenceInput!) {
  updatePresence(input: $input) { userErrors { code message path } }
}`,
  };
}
