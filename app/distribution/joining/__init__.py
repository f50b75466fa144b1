"""How members become distributors (加入分销): who may ask, what they fill in and agree to.

- `ways` says who may ask: everybody, everybody after a review, invited people only,
  or (where the server's operator switched it on) buyers of some products and members
  who spent enough. An admin may invite anybody in any of them.
- `form` is what applicants fill in, composed by admins: every save is a version of
  its own, and an application keeps the version that it answers.
- `contract` is what applicants agree to: a version in force from a moment on, with
  its hash. Without one that a shop wrote, the built-in text is in force.
"""
