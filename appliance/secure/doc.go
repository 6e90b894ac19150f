// Package secure opens and protects a Link connection: the Noise handshake, the
// sealed records that follow it, and the compression of what the records hold.
package secure
