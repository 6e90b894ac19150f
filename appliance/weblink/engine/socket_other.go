//go:build !linux

package engine

import "syscall"

// setSocketOptions does nothing where TCP_USER_TIMEOUT does not exist: the
// heartbeat finds dead clients.
func setSocketOptions(syscall.RawConn) {}

// sendRoom says that nothing is known: writing through TLS is left to goroutines
// that may wait.
func sendRoom(int) int { return 0 }
