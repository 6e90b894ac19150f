package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// errorCounts counts failures by what they were: a protocol code, or a short
// name for what happened to the connection.
type errorCounts map[string]uint64

func (c *errorCounts) note(err error) {
	c.noteKey(errorKey(err))
}

func (c *errorCounts) noteCode(code wire.Code) {
	c.noteKey(codeKey(code))
}

func (c *errorCounts) noteKey(key string) {
	if *c == nil {
		*c = errorCounts{}
	}
	(*c)[key]++
}

func (c *errorCounts) add(other errorCounts) {
	for key, n := range other {
		if *c == nil {
			*c = errorCounts{}
		}
		(*c)[key] += n
	}
}

func codeKey(code wire.Code) string {
	return strconv.Itoa(int(code)) + " " + code.String()
}

// errorKey names err without what differs from one connection to the next
// (addresses, ports), so that the same failure is counted together.
func errorKey(err error) string {
	var coded *wire.Error
	var refused *secure.RefusedError
	var number syscall.Errno
	var network net.Error
	switch {
	case errors.As(err, &coded):
		return codeKey(coded.Code)
	case errors.As(err, &refused):
		return codeKey(refused.Code)
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed by the node"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	default:
		return err.Error()
	}
}
