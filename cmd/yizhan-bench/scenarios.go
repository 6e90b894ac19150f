package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// scenarioCommand is a scenario and the command that sets its options.
type scenarioCommand struct {
	scenario *scenario
	command  *cobra.Command
}

// newScenarioCommand makes the command that runs sc alone.
func (b *bench) newScenarioCommand(sc *scenario, short, long string) scenarioCommand {
	return scenarioCommand{sc, &cobra.Command{
		Use: sc.name, Short: short, Long: long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.measure(cmd.Context(), sc) },
	}}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return usageError{err}
	}
	return nil
}

func (b *bench) connect() scenarioCommand {
	o := &connectOptions{Workers: 64, Accounts: 1024, Warmup: 2 * time.Second, Duration: 10 * time.Second}
	sc := b.newScenarioCommand(&scenario{
		name: "connect", validate: o.validate, files: o.Workers,
		run: func(ctx context.Context, s *subject) (*Result, error) { return runConnect(ctx, s, *o) },
	}, "Full connects per second: TCP, handshake, login", `Connects, logs in and closes, over and over, on many workers at once.
Target: at least 4,000 per second.`)
	flags := sc.command.Flags()
	flags.IntVar(&o.Workers, "workers", o.Workers, "Connects under way at once")
	flags.IntVar(&o.Accounts, "accounts", o.Accounts, "Accounts to log in as, in turn")
	flags.DurationVar(&o.Warmup, "warmup", o.Warmup, "Time before the measured one")
	flags.DurationVar(&o.Duration, "duration", o.Duration, "Measured time")
	return sc
}

func (b *bench) idle() scenarioCommand {
	o := &idleOptions{Connections: 20_000, Workers: 64, Settle: 10 * time.Second}
	sc := b.newScenarioCommand(&scenario{
		name: "idle", validate: o.validate, files: o.Connections + idleNodeFiles,
		run: func(ctx context.Context, s *subject) (*Result, error) { return runIdle(ctx, s, *o) },
	}, "Memory of the node per idle connection that is logged in", `Reads the node's resident memory before and after many connections have logged
in, each time at rest. Needs --start, --pid or --admin. Target: at most 5 KiB per
connection.

Each connection is a file in the driver and one in the node. Fewer are made, with
a note, when the limits of open files (ulimit -Hn) do not allow for all.`)
	addIdleFlags(sc.command, o)
	return sc
}

func addIdleFlags(cmd *cobra.Command, o *idleOptions) {
	flags := cmd.Flags()
	flags.IntVar(&o.Connections, "connections", o.Connections, "Connections to hold")
	flags.IntVar(&o.Workers, "workers", o.Workers, "Connects under way at once")
	flags.DurationVar(&o.Settle, "settle", o.Settle, "Time for the node to come to rest before its memory is read")
}

// idleNodeFiles is what a node that this driver starts needs beside connections.
const idleNodeFiles = 1000

func (b *bench) send() scenarioCommand {
	o := defaultLoad()
	sc := b.newScenarioCommand(&scenario{
		name: "send", validate: o.validate, files: o.Connections,
		run: func(ctx context.Context, s *subject) (*Result, error) { return runSend(ctx, s, o) },
	}, "Durable one-to-one messages per second", `Sends messages from every connection to its neighbours in a ring, by default as
many as the node takes: each connection keeps --window messages unanswered. With
--rate, messages are sent by a schedule, and latencies count from the scheduled
time. Afterwards every conversation is read back. Target: at least 60,000
acknowledged messages per second.`)
	addLoadFlags(sc.command, &o)
	return sc
}

func (b *bench) deliver() scenarioCommand {
	o := defaultLoad()
	o.Rate = targetRate
	sc := b.newScenarioCommand(&scenario{
		name: "deliver", validate: o.validate, files: o.Connections,
		run: func(ctx context.Context, s *subject) (*Result, error) { return runDeliver(ctx, s, o) },
	}, "Time from send to receive at a given rate", `Sends as send does, by a schedule of --rate messages per second, and measures the
time from a message's scheduled time until its receiver has it. Targets at 5,000
per second: p50 at most 2 ms, p99 at most 8 ms.`)
	addLoadFlags(sc.command, &o)
	return sc
}

func addLoadFlags(cmd *cobra.Command, o *loadOptions) {
	flags := cmd.Flags()
	flags.IntVar(&o.Connections, "connections", o.Connections, "Connections; each sends and receives")
	flags.IntVar(&o.Peers, "peers", o.Peers, "Conversations that each connection writes to in turn")
	flags.IntVar(&o.Rate, "rate", o.Rate, "Messages per second of all connections; 0 is as many as the node takes")
	flags.IntVar(&o.Window, "window", o.Window, "Unanswered messages per connection, when --rate is 0")
	flags.IntVar(&o.BodyBytes, "body", o.BodyBytes, "Bytes of text in a message")
	flags.DurationVar(&o.Warmup, "warmup", o.Warmup, "Time before the measured one; what is sent then is accounted for too")
	flags.DurationVar(&o.Duration, "duration", o.Duration, "Measured time")
	flags.DurationVar(&o.Stragglers, "stragglers", o.Stragglers, "How long to wait at the end for what is still missing")
	flags.BoolVar(&o.Verify, "verify", o.Verify, "Read every conversation back and compare")
}

func (b *bench) webIdle() scenarioCommand {
	o := &webIdleOptions{idleOptions: idleOptions{Connections: 10_000, Workers: 32, Settle: 10 * time.Second}, TLS: true}
	sc := b.newScenarioCommand(&scenario{
		name: "weblink-idle", validate: o.validate, files: o.Connections + idleNodeFiles,
		run: func(ctx context.Context, s *subject) (*Result, error) { return runWebIdle(ctx, s, *o) },
	}, "Memory of the node per idle WebLink connection that is logged in", `Does what idle does with WebSockets, by default over TLS: reads the node's
resident memory before and after many browsers have logged in. Needs --start, --pid
or --admin, and --weblink for a node that runs. Target: at most 16 KiB per
connection.`)
	addIdleFlags(sc.command, &o.idleOptions)
	sc.command.Flags().BoolVar(&o.TLS, "tls", o.TLS, "Connect over TLS")
	return sc
}

func (b *bench) webFanout() scenarioCommand {
	o := &fanoutOptions{Members: 2000, Bursts: 10, Burst: 200, BodyBytes: 120, Stragglers: 30 * time.Second}
	sc := b.newScenarioCommand(&scenario{
		name: "weblink-fanout", validate: o.validate, files: o.Members + o.Stalled + idleNodeFiles,
		run: func(ctx context.Context, s *subject) (*Result, error) { return runFanout(ctx, s, *o) },
	}, "Deliveries per second of a room's messages to WebLink clients", `Lets many clients enter one room and one more write to it in bursts; the next
burst begins when everybody has the last one. Every client must get every message
once and in order. With --stalled, some clients read nothing: the node must give
them up, and nobody else may notice. Needs --weblink for a node that runs. Targets:
at least 400,000 per second, 150,000 with --tls.`)
	flags := sc.command.Flags()
	flags.IntVar(&o.Members, "members", o.Members, "Clients that read")
	flags.IntVar(&o.Stalled, "stalled", o.Stalled, "Clients that do not")
	flags.IntVar(&o.Bursts, "bursts", o.Bursts, "Bursts")
	flags.IntVar(&o.Burst, "burst", o.Burst, "Messages of each burst")
	flags.IntVar(&o.BodyBytes, "body", o.BodyBytes, "Bytes of text in a message")
	flags.DurationVar(&o.Stragglers, "stragglers", o.Stragglers, "How long to wait for a burst to reach everybody")
	flags.BoolVar(&o.TLS, "tls", o.TLS, "Connect over TLS")
	return sc
}

func (b *bench) room() scenarioCommand {
	o := &roomOptions{Members: 20_000, Rate: 10, Overload: 10, Pairs: 100, BodyBytes: 100, Duration: 10 * time.Second, Stragglers: 30 * time.Second}
	sc := b.newScenarioCommand(&scenario{
		name: "room", validate: o.validate, files: o.Members + idleNodeFiles,
		run: func(ctx context.Context, s *subject) (*Result, error) { return runRoom(ctx, s, *o) },
	}, "Time until the last member of a large room has a message", `Lets many clients enter one registered room and one more write to it by a schedule,
while two others write to each other: first these two alone, then with the room's
messages, then with --overload times as many, of which the node abandons what is too
much. Every member must get every message that was not abandoned, once and in order.
Target: from a message's scheduled time until the last member has it, p99 at most
250 ms.`)
	flags := sc.command.Flags()
	flags.IntVar(&o.Members, "members", o.Members, "Clients in the room beside the one that writes")
	flags.IntVar(&o.Rate, "rate", o.Rate, "Messages per second to the room")
	flags.IntVar(&o.Overload, "overload", o.Overload, "How many times the rate at last; 0 leaves that out")
	flags.IntVar(&o.Pairs, "pairs", o.Pairs, "One-to-one messages per second beside it")
	flags.IntVar(&o.BodyBytes, "body", o.BodyBytes, "Bytes of text in a message")
	flags.DurationVar(&o.Duration, "duration", o.Duration, "Time of each part")
	flags.DurationVar(&o.Stragglers, "stragglers", o.Stragglers, "How long to wait for what is still on its way")
	return sc
}

func (b *bench) all(scenarios ...*scenario) *cobra.Command {
	return &cobra.Command{
		Use: "all", Short: "All scenarios with their defaults", Args: noArgs,
		Long: "Runs all scenarios with their defaults, one after another: about four minutes.",
		RunE: func(cmd *cobra.Command, _ []string) error { return b.measure(cmd.Context(), scenarios...) },
	}
}
