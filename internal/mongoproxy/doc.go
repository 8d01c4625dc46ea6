// Package mongoproxy stands between the MongoDB driver and a server and breaks their connections where a test says so: before a command reaches the server, or behind
// it, before the answer reaches the driver.
//
// It owns the framing of the wire protocol as far as telling commands apart needs it (OP_MSG; neither TLS nor compression), the script of faults and the record of the
// commands seen. It does not know what commands mean, and changes no byte. Tests of store/mongo call it; nothing in the product does.
package mongoproxy
