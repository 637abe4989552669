"""The protocol between client and server, without I/O.

`routes` has every call: verb, path, and the models of its arguments and results. `arguments` and `results` are these
models: each is made from Python values and converts back to them. `errors` transfers errors unchanged, `filters` and
`values` encode what JSON cannot represent. Client and server share this code, so each reads what the other writes.
"""
