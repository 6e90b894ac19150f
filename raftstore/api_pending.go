package raftstore

import (
	"context"
	"time"
)

// Signatures first, so that the users of this package compile; replaced by the
// next commits.

type Store struct{}
type Tx struct{}

func (*Tx) Index() uint64                              { return 0 }
func (*Tx) Get(key []byte) ([]byte, bool, error)       { return nil, false, ErrClosed }
func (*Tx) Set(key, val []byte) error                  { return ErrClosed }
func (*Tx) SetParts(key []byte, parts ...[]byte) error { return ErrClosed }
func (*Tx) Delete(key []byte) error                    { return ErrClosed }
func (*Tx) DeleteRange(lo, hi []byte) error            { return ErrClosed }
func (*Tx) Iter(lo, hi []byte) (*Iter, error)          { return nil, ErrClosed }

type Status struct {
	NodeID, ClusterID, State, LeaderID, LeaderAddr string
	Applied, Commit, Last, Term, SnapshotIndex     uint64
	DiskFree                                       uint64
	RefusingWrites                                 bool
	QueueBytes                                     int
	LastContact                                    time.Duration
}
type Member struct {
	ID, Addr string
	Voter    bool
	Leader   bool
}

func Open(ctx context.Context, o Options) (*Store, error)                { return nil, ErrClosed }
func (s *Store) View() *View                                             { return &View{} }
func (s *Store) Submit(cmd []byte, c Completion) error                   { return ErrClosed }
func (s *Store) Propose(ctx context.Context, cmd []byte) (any, error)    { return nil, ErrClosed }
func (s *Store) Join(ctx context.Context, id, addr string) error         { return ErrClosed }
func (s *Store) Remove(ctx context.Context, id string) error             { return ErrClosed }
func (s *Store) TransferLeadership(ctx context.Context, id string) error { return ErrClosed }
func (s *Store) Members() ([]Member, error)                              { return nil, ErrClosed }
func (s *Store) Leader() (id, addr string)                               { return "", "" }
func (s *Store) IsLeader() bool                                          { return false }
func (s *Store) Status() Status                                          { return Status{} }
func (s *Store) WaitLeader(ctx context.Context) error                    { return ErrClosed }
func (s *Store) Verify(ctx context.Context) error                        { return ErrClosed }
func (s *Store) Snapshot(ctx context.Context) error                      { return ErrClosed }
func (s *Store) Failed() <-chan error                                    { return nil }
func (s *Store) Addr() string                                            { return "" }
func (s *Store) Close() error                                            { return nil }

func statfsFree(dir string) (uint64, error) { return 0, ErrClosed }
