// Package caddymodules makes Yizhan a set of Caddy modules: configuration and
// lifecycle, no IM logic.
//
//	yizhan                      the app: one node, its Link listeners, its access points
//	http.handlers.yizhan_lbs    answers where a client should connect
//	http.handlers.yizhan_api    the server API for tenants' backends
//	http.handlers.yizhan_files  uploads and downloads of the files of messages
//	caddy.storage.yizhan        certificates in the replicated store
//	admin.api.yizhan            status and tenants, at Caddy's admin endpoint
//
// Caddy starts a new configuration before it stops the old one. What must
// outlive that — the node with its store and its connections, and the Link
// listeners — lives in usage pools; an App only holds references.
package caddymodules
