// Package matrix has tests only: one scenario, written once, is run over every
// way in which it can be asked for. The appliance uses nothing of it.
//
// One node serves the whole package, with both gateways and the HTTP API on
// loopback ports. Each run of a scenario gets a tenant of its own (site), so
// scenarios do not see each other and name their accounts as they like.
//
//	run(t, func(s *site) {…})        Link→Link, Link→WebLink, WebLink→Link, WebLink→WebLink:
//	                                 s.here("alice") logs in over the first transport, s.there("bob") over the second
//	actors(t, func(s *site, do doer) {…})  Link, WebLink, HTTP: do("alice", act{…}) does the same thing
//	                                 as a client or, in its name, as the tenant's backend, and returns the code
//	s.backend.ok("msg/sendMsg", …)   calls the HTTP API beside either
//	d.ok, d.code, d.next, d.none     ask; ask for a refusal; wait for a push; none has come
//
// To add a scenario, write <domain>_test.go here with tests of these forms. next
// skips pushes of other commands and keeps them, so a scenario does not break when
// an operation begins to push something more. Whatever is sent in tenant A should
// hold the word t3xt: the log of the node must not, which is checked at the end.
//
// tenants_test.go asks everything that wire.Requests lists across tenants; a new
// request needs nothing but fields of the usual names. coverage_test.go holds the
// lists of requests and pushes against what the scenarios have used.
package matrix
