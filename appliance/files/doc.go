// Package files takes the files of messages from clients and gives them back:
// resumable uploads (tus 1.0.0), uploads in one request, signed downloads and
// thumbnails.
//
// It owns who may upload and download what (grants and links that it signs), what
// is taken (sizes, types found in the content, quotas, free disk), the unfinished
// uploads on this node's disk, and the finished files on disk or in an S3 bucket.
// It never knows messages: a client puts the result of an upload into one. It
// never trusts a client's word about a file's type, never serves anything that a
// browser would run, and never logs a grant or a signature.
//
//	credentials ──▶ grant ─┐
//	tus, one request ──────┴▶ staging ── type, digest, quota ──▶ blobs: disk or S3
//	                          (part file + journal)                 │
//	grant ──▶ links ──▶ signed GET ──▶ range, ETag, safe headers ◀──┤
//	                            └────▶ thumbnails (cached) ◀────────┘
//
// README.md is for those who write clients and for operators.
package files
