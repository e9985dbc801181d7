"""Who a person is, which groups they bring, and the tokens that stand for them."""
