// Command yizhan-bench loads a Yizhan node and accounts for every message: what
// was sent, acknowledged, delivered, lost, doubled or reordered, and what it
// cost node and driver. README.md explains the scenarios and their output.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1 // the measurement could not be made
	exitUsage   = 2 // the arguments do not make sense
	exitInexact = 3 // a message was lost, doubled, reordered or left unanswered
)

// errInexact is returned when the accounting of a scenario does not come out
// even.
var errInexact = errors.New("the accounting does not come out even")

// usageError is an error in the arguments.
type usageError struct{ error }

// gcPercent lets the driver's heap grow to five times what is in use before it
// collects garbage: it shares the node's cores, and its heap is small.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as parameters.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := newCommand(stdout, stderr)
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "yizhan-bench:", err)
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "See yizhan-bench --help.")
		return exitUsage
	case errors.Is(err, errInexact):
		return exitInexact
	default:
		return exitFailed
	}
}
