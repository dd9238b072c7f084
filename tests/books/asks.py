"""What is asked of books and photos that come and go."""

from typing import Any

from tests.client import ELEMENT, placed

_ERRORS = "userErrors { code message path }"
DELETE_BOOK = f"mutation Delete($id: ID!) {{ deleteBook(id: $id) {{ book {{ id deletedAt }} seq {_ERRORS} }} }}"
RESTORE_BOOK = f"mutation Restore($id: ID!) {{ restoreBook(id: $id) {{ book {{ id deletedAt }} seq {_ERRORS} }} }}"
DUPLICATE = f"""
mutation Duplicate($id: ID!, $title: String, $clientId: String) {{
  duplicateBook(id: $id, title: $title, clientId: $clientId) {{
    book {{ id title description visibility viewerRole seq cover {{ id }} }} seq {_ERRORS}
  }}
}}
"""
CAPTION = f"""
mutation Caption($input: UpdateImageInput!) {{
  updateImage(input: $input) {{ images {{ id caption }} seq {_ERRORS} }}
}}
"""
DELETE_IMAGES = f"""
mutation Delete($ids: [ID!]!, $batchId: String) {{
  deleteImages(ids: $ids, batchId: $batchId) {{ images {{ id }} seq {_ERRORS} }}
}}
"""
RESTORE_IMAGES = f"""
mutation Restore($ids: [ID!]!) {{
  restoreImages(ids: $ids) {{ images {{ id deletedAt placementCount }} seq {_ERRORS} }}
}}
"""
EVENTS = (
    """
subscription Events($bookId: ID!, $after: Int) {
  bookEvents(bookId: $bookId, after: $after) {
    __typename seq batchId actor { id }
    ... on ImagesChanged {
      images { id caption url } deletedImageIds elements { ...Element } deletedElementIds
    }
    ... on BookChanged { book { id deletedAt cover { id } } }
    ... on CanvasChanged { elements { ...Element } deletedElementIds }
  }
}
"""
    + ELEMENT
)
WHOLE = (
    """
query Whole($id: ID!) {
  book(id: $id) {
    id title description visibility seq deletedAt elementCount cover { id }
    pages { id name width height background orderKey }
    elements { ...Element }
    images(first: 100) { nodes { id filename caption placementCount uploader { id } url } totalCount }
    trashed: images(trashed: true) { nodes { id deletedAt } totalCount }
  }
}
"""
    + ELEMENT
)
NODES = "query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id } }"
TRASHED = "{ books(trashed: true) { nodes { id } totalCount } }"
MINE = "subscription Mine { myBooks { bookId book { id cover { id } } invitation { id } } }"


def photo(image_id: str | None, **placement: Any) -> dict[str, Any]:
    """The operation that places it."""
    return {"createImage": {"placement": placed(**placement), "imageId": image_id}}
