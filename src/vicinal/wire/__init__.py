"""What crosses the wire between a client and a server, without I/O.

`routes` has every call: verb, path, and the models of its arguments and results. `arguments` and `results` are these
models: each makes itself of Python values and gives them back. `errors` takes errors across as they are, `filters` and
`values` what JSON has no form for. Client and server are both made of this, so what one writes the other reads.
"""
