"""What can be done."""

from strawberry.tools import merge_types

from schema.mutation.account import AccountMutation
from schema.mutation.book import BookMutation
from schema.mutation.canvas import CanvasMutation
from schema.mutation.image import ImageMutation
from schema.mutation.presence import PresenceMutation

Mutation = merge_types("Mutation", (AccountMutation, BookMutation, CanvasMutation, ImageMutation, PresenceMutation))
