"""What is sealed opens again for its purpose, under its secret, undamaged, and for nothing else."""

import base64

import pytest

from postroom.store.secret import SIZE, Secret

OURS = Secret(b"k" * SIZE)


def test_what_is_sealed_opens_again_and_is_not_told_by_its_seal() -> None:
    sealed = OURS.seal("a thing", "whsec_ø")
    assert OURS.unseal("a thing", sealed) == "whsec_ø"
    assert b"whsec" not in base64.b64decode(sealed)
    assert OURS.seal("a thing", "whsec_ø") != sealed


@pytest.mark.parametrize(
    ("secret", "purpose", "cut"),
    [(Secret(b"x" * SIZE), "a thing", 0), (OURS, "another", 0), (OURS, "a thing", 4), (OURS, "a thing", 500)],
)
def test_under_another_secret_for_another_purpose_or_damaged_it_stays_closed(
    secret: Secret, purpose: str, cut: int
) -> None:
    sealed = OURS.seal("a thing", "hidden")
    with pytest.raises(ValueError, match="does not open"):
        secret.unseal(purpose, sealed[cut:])
