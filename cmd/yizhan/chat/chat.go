// Package chat is a terminal client: good enough to try a node with and to
// debug one. It is an app like any other, written with the SDK.
package chat

import (
	"context"
	"io"
)

// Run runs the client until it is told to quit, and returns the exit code.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return exitUsage
}

const exitUsage = 2
