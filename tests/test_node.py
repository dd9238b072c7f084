import time
async def test_a(people): pass
async def test_b(people): pass
async def test_c(people): pass
