"""What can be done."""

from strawberry.tools import merge_types

from schema.mutation.account import AccountMutation
from schema.mutation.administration import AdministrationMutation
from schema.mutation.book import BookMutation
from schema.mutation.canvas import CanvasMutation
from schema.mutation.identity import IdentityMutation
from schema.mutation.image import ImageMutation
from schema.mutation.passkey import PasskeyMutation
from schema.mutation.presence import PresenceMutation
from schema.mutation.second_factor import SecondFactorMutation
from schema.mutation.session import SessionMutation
from schema.mutation.viewer import ViewerMutation

Mutation = merge_types(
    "Mutation",
    (
        AccountMutation,
        AdministrationMutation,
        BookMutation,
        CanvasMutation,
        IdentityMutation,
        ImageMutation,
        PasskeyMutation,
        PresenceMutation,
        SecondFactorMutation,
        SessionMutation,
        ViewerMutation,
    ),
)
