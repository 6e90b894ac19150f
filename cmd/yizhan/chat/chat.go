// Package chat is a terminal client: good enough to try a node with and to
// debug one. It is an app like any other, written with the SDK.
//
//	stdin ──lines──▶ commands ──calls──▶ sdk.Client
//	stdout ◀─lines── screen ◀──events─── sdk.Client
package chat

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1 // a message was not accepted, or the client could not start
	exitUsage   = 2
	exitRefused = 3 // wrong token, blocked account, …
	exitKicked  = 4
)

// Run runs the client until its input ends, /quit, or a signal, and returns the
// exit code. stdin is read to its end by a goroutine that may outlive Run.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "yizhan chat: %v\nTry 'yizhan chat --help'.\n", err)
		return exitUsage
	}
	if ctx == nil { // a command that was not started with one
		ctx = context.Background()
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()

	console, err := newConsole(stdin, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "yizhan chat: %v\n", err)
		return exitFailed
	}
	defer console.close()
	code, err := s.run(ctx, console, stderr)
	if err != nil {
		fmt.Fprintf(console, "yizhan chat: %v\n", err)
	}
	return code
}

// run lives from the first connection to the last line of input.
func (s *settings) run(ctx context.Context, console *console, stderr io.Writer) (code int, err error) {
	level := new(slog.LevelVar)
	level.Set(slog.LevelError + 1)
	if s.debug {
		level.Set(slog.LevelDebug)
	}
	logTo := stderr
	if console.terminal != nil { // raw mode: everything goes through the terminal
		logTo = console
	}
	o := s.options
	o.Logger = slog.New(slog.NewTextHandler(logTo, &slog.HandlerOptions{Level: level}))
	if s.stateFile != "" {
		store, err := sdk.OpenFileStore(s.stateFile)
		if err != nil {
			return exitFailed, err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		o.Store = store
		o.LBSCache = s.stateFile + ".lbs"
	}
	client, err := sdk.New(o)
	if err != nil {
		return exitFailed, err
	}
	screen := newScreen(client, console, s.to, s.receipts)
	commands := &commands{settings: s, client: client, screen: screen, logLevel: level}

	// The client stops for good when the server says so; then there is nothing
	// left to type for.
	ctx, cancel := context.WithCancel(ctx)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		screen.run(func() { commands.showContext(ctx) })
		cancel()
	}()
	client.Start()
	code = commands.run(ctx, console.lines())
	_ = client.Close()
	<-shown
	if why := screen.stopped(); why != nil {
		code = stopCode(why)
	}
	return code, nil
}

// stopCode is the exit code for a client that the server has stopped.
func stopCode(err error) int {
	var kicked *sdk.KickedError
	var answer *wire.Error
	switch {
	case errors.As(err, &kicked):
		return exitKicked
	case errors.As(err, &answer):
		return exitRefused
	default:
		return exitFailed
	}
}
