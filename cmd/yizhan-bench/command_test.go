package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// execute runs the command line args and returns its exit code and output.
func execute(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestWrongArgumentsSayWhatToDo(t *testing.T) {
	const running = "--lbs=http://127.0.0.1:1/lbs --admin=127.0.0.1:1 "
	tests := map[string]struct{ args, want string }{
		"no scenario":           {"", "which scenario"},
		"unknown scenario":      {"sent", "unknown command"},
		"unknown flag":          {"send --start x --sped 1", "unknown flag"},
		"unknown argument":      {"send --start x fast", "fast"},
		"no node":               {"send", "--start"},
		"two nodes":             {"send --start x --lbs http://y", "not both"},
		"two ways to a node":    {"send --lbs http://y --link z:1", "not both"},
		"gateway without key":   {"send --link z:1", "--key"},
		"gateway without API":   {"send --link z:1 --key k", "--api"},
		"appkey without secret": {"send --lbs http://y --appkey k", "--secret"},
		"no tenant":             {"send --lbs http://y", "--admin"},
		"folder without start":  {"send " + running + "--dir /x", "--start"},
		"no workers":            {"connect " + running + "--workers 0", "--workers"},
		"too few accounts":      {"connect " + running + "--accounts 3", "--accounts"},
		"no duration":           {"connect " + running + "--duration 0s", "--duration"},
		"no connections":        {"idle " + running + "--connections 0", "--connections"},
		"ring too small":        {"send " + running + "--connections 4 --peers 2", "at least 5"},
		"no window":             {"send " + running + "--window 0", "--window"},
		"negative rate":         {"deliver " + running + "--rate -1", "--rate"},
		"empty body":            {"send " + running + "--body 0", "--body"},
		"body beyond the limit": {"send " + running + "--body 5001", "--body"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := execute(t, strings.Fields(test.args)...)
			if code != exitUsage || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, want %d; %q should name %q", code, exitUsage, stderr, test.want)
			}
		})
	}
}

func TestHelpNamesScenariosAndTargets(t *testing.T) {
	tests := map[string]string{
		"--help": "Exit codes", "connect --help": "4,000", "idle --help": "5 KiB",
		"send --help": "60,000", "deliver --help": "8 ms", "all --help": "one after another",
	}
	for args, want := range tests {
		code, stdout, _ := execute(t, strings.Fields(args)...)
		if code != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d; the text should hold %q", args, code, want)
		}
	}
}

func TestNodeThatDoesNotExist(t *testing.T) {
	code, _, stderr := execute(t, "send", "--start", "/nonexistent/yizhan")
	if code != exitFailed || !strings.Contains(stderr, "--start") {
		t.Errorf("exit code %d, want %d; %s", code, exitFailed, stderr)
	}
}

func TestNodeThatEndsAtOnceIsQuoted(t *testing.T) {
	folder := t.TempDir()
	_, err := startNode(t.Context(), "/bin/echo", folder)
	if err == nil || !strings.Contains(err.Error(), "quickstart --dir "+folder) {
		t.Errorf("got %v, want what the node printed", err)
	}
}

func TestInterruptedStartStopsTheNode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// Not a node, but a process that runs until it is interrupted.
	if _, err := startNode(ctx, "testdata/sleeper", t.TempDir()); err == nil {
		t.Error("no error")
	}
}
