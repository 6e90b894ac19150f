// Package api is the HTTP API for tenants' backends, in the conventions of the
// Yunxin server API: accounts, tokens, messages and history of one tenant.
//
//	POST /nimserver/<group>/<name>.action
//	  │  credentials in four headers           auth.go
//	  │  form-urlencoded parameters            params.go
//	  │  limits of this tenant and action      limiter.go
//	  │  a request is served once              replay.go
//	  ▼
//	action ──▶ app ──▶ raftstore               registry.go, user.go, message.go, history.go
//	  ▼
//	HTTP 200 {"code":200,…} or {"code":N,"desc":"…"}
//
// It owns those conventions and nothing of what an action does: that is in
// package app, shared with the gateways. It never logs a header, a parameter or
// a body.
//
// Each action is declared once (registry.go): that drives the parser, and of it
// are made ACTIONS.md, for people, and openapi.json, for tools (openapi.go).
// README.md is for backend developers.
package api

//go:generate go run ./internal/actionlist -list ACTIONS.md -openapi openapi.json
