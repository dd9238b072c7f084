"""Operations: how a batch is held together, who may do it, and what many of them at once come to."""
