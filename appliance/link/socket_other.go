//go:build !linux

package link

import "syscall"

// setSocketOptions does nothing where TCP_USER_TIMEOUT does not exist: the idle
// timeout finds dead clients.
func setSocketOptions(syscall.RawConn) {}
