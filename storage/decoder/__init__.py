"""The processes that look into pictures: a zygote, and a fork of it for each. They import nothing else of ours."""
