package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	verifyWorkers = 4
	historyPage   = 100 // the protocol's limit
	syncPage      = 200 // the protocol's limit
)

// verifier reads the conversations of a load back, as their receivers, on
// connections of their own.
type verifier struct {
	load     *load
	dialer   *dialer
	accounts []account

	mismatched atomic.Uint64 // conversations whose state differs from their log
	foreign    atomic.Uint64 // stored messages that nobody sent
}

// verify fills the streams' stored logs.
func (v *verifier) verify(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range verifyWorkers {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(v.accounts) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := v.verifyReceiver(ctx, i); err != nil {
					cancel(fmt.Errorf("reading back what %s received: %w", v.accounts[i].name, err))
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

func (v *verifier) verifyReceiver(ctx context.Context, receiver int) error {
	conn, _, err := v.dialer.connectAs(ctx, v.accounts[receiver], wire.Platform_PLATFORM_PC, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	last, err := syncAll(conn)
	if err != nil {
		return err
	}
	for index, s := range v.load.streams {
		if s.to != receiver {
			continue
		}
		peer := v.accounts[s.from].name
		if err := v.readStream(conn, uint32(index), s, peer); err != nil {
			return err
		}
		if last[peer] != uint64(s.stored.lastSeq) {
			v.mismatched.Add(1)
		}
	}
	return nil
}

// readStream reads one conversation's log to its end.
func (v *verifier) readStream(conn *channel.Conn, index uint32, s *stream, peer string) error {
	for {
		from := uint64(s.stored.lastSeq) + 1
		payload, err := call(conn, wire.CmdHistory, &wire.HistoryRequest{
			Peer: peer, FromSeq: from, ToSeq: from + historyPage - 1, Limit: historyPage,
		})
		if err != nil {
			return err
		}
		before := s.stored.lastSeq
		err = scanHistory(payload, func(entry logEntry) error {
			stamp, err := parseStamp(entry.clientID)
			if err != nil || stamp.run != v.load.run || stamp.stream != index {
				v.foreign.Add(1)
				return nil
			}
			s.stored.add(stamp.number, entry.seq)
			return nil
		})
		if err != nil {
			return err
		}
		if s.stored.lastSeq == before {
			return nil
		}
	}
}

// syncAll reads the state of all conversations: the last seq, by peer.
func syncAll(conn *channel.Conn) (map[string]uint64, error) {
	last := map[string]uint64{}
	for version := uint64(0); ; {
		payload, err := call(conn, wire.CmdSync, &wire.SyncRequest{Version: version, Limit: syncPage})
		if err != nil {
			return nil, err
		}
		page := new(wire.SyncResponse)
		if err := page.UnmarshalVT(payload); err != nil {
			return nil, fmt.Errorf("sync response: %w", err)
		}
		for _, c := range page.Conversations {
			last[c.Peer] = c.LastSeq
		}
		if !page.More {
			return last, nil
		}
		if page.Version <= version {
			return nil, fmt.Errorf("sync says that there is more after version %d, and does not go on", version)
		}
		version = page.Version
	}
}
