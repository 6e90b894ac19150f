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
// are made ACTIONS.md, for people, openapi.json, for tools (openapi.go), and the
// page that the node serves under /nimserver/docs/ (docs.go). README.md is for
// backend developers.
//
// To add an action: declare it in its group's list, with an example for each
// parameter that needs one, the struct that it answers and the codes that are
// its own; take it out of planned.go; make generate. The tests then hold its
// answers, in every test, against the declaration, and call its example.
package api

//go:generate go run ./internal/actionlist -list ACTIONS.md -openapi openapi.json
