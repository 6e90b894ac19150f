//go:build !linux

package tcp

import "syscall"

// SetOptions does nothing where TCP_USER_TIMEOUT does not exist: heartbeats find
// dead clients.
func SetOptions(syscall.RawConn) {}

// SendRoom says that nothing is known.
func SendRoom(int) int { return 0 }
