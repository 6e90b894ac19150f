// Package tcp is what the gateways do with the sockets of their clients beside
// what package net does: reads and writes that never wait, for goroutines that
// serve many clients, and socket options. It owns no connection and keeps nothing.
package tcp
