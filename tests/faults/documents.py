"""What the clients of the rows ask."""

_ELEMENT = """
fragment Element on Element {
  __typename id pageId x y width height orderKey locked seq
  ... on TextElement { content }
}
"""
_PAGE = "fragment Page on Page { id name orderKey }"
SNAPSHOT = f"""
query Snapshot($id: ID!) {{
  book(id: $id) {{ seq epoch title pages {{ ...Page }} elements {{ ...Element }} }}
}}
{_ELEMENT} {_PAGE}
"""
EVENTS = f"""
subscription Events($bookId: ID!, $after: Int, $epoch: String) {{
  bookEvents(bookId: $bookId, after: $after, epoch: $epoch) {{
    __typename seq batchId
    ... on CanvasChanged {{
      elements {{ ...Element }} deletedElementIds pages {{ ...Page }} deletedPageIds
    }}
    ... on ImagesChanged {{ elements {{ ...Element }} deletedElementIds }}
    ... on BookChanged {{ book {{ title }} }}
    ... on Resync {{ epoch }}
  }}
}}
{_ELEMENT} {_PAGE}
"""
APPLY = """
mutation Apply($input: ApplyOperationsInput!) {
  applyOperations(input: $input) {
    seq
    results { status element { id seq } }
    conflicts { id seq }
    userErrors { code message }
  }
}
"""
