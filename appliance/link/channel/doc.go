// Package channel is the client side of a Link connection: dial, handshake,
// frames in and frames out. The Go SDK and the load generator share it.
//
// It owns the connection and its buffers. It never logs in, answers, retries or
// reconnects: what a frame means is its user's business.
//
//	ReadFrame ◀─ decompress ◀─ split frames ◀─ open records ◀─ socket
//	Append ──▶ compress ──▶ queue ── Flush ──▶ seal records ──▶ socket
package channel
