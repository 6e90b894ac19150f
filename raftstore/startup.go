package raftstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// parts are the opened contents of a data folder.
type parts struct {
	id    identity
	bolt  *raftboltdb.BoltStore
	snaps *snapStore
	state *stateDB
	gen   uint64 // of state
	info  stateInfo
}

// close undoes what was opened, after a failed start.
func (p *parts) close() error {
	var err error
	if p.state != nil {
		p.state.release()
		<-p.state.closed
		err = p.state.err
	}
	if p.bolt != nil {
		err = errors.Join(err, p.bolt.Close())
	}
	return err
}

// createParts makes the contents of an empty folder. Only the last step makes it
// count: a start that was cut short begins anew.
func (s *Store) createParts(p *parts) (err error) {
	if p.bolt, err = openLog(s.o.Dir, true); err != nil {
		return err
	}
	if err := setIdentity(p.bolt, p.id); err != nil {
		return err
	}
	if p.snaps, err = openSnapStore(s.o.Dir, s.log, s.accept); err != nil {
		return err
	}
	if s.o.Bootstrap {
		self := raft.Server{ID: raft.ServerID(s.o.NodeID), Address: s.trans.LocalAddr()}
		err := raft.BootstrapCluster(raftConfig(&s.o), p.bolt, p.bolt, p.snaps, s.trans, raft.Configuration{Servers: []raft.Server{self}})
		if err != nil {
			return fmt.Errorf("raftstore: bootstrap: %w", err)
		}
	}
	p.gen = 1
	if err := s.env.createEmpty(p.gen, p.id); err != nil {
		return err
	}
	if p.state, p.info, err = s.openState(p.gen, p.id); err != nil {
		return err
	}
	p.id.Phase = phaseReady
	return writeIdentity(s.o.Dir, p.id)
}

// loadParts opens the contents of a folder in use, and refuses what does not
// belong together: Raft itself would lead happily with every command missing.
func (s *Store) loadParts(p *parts) (err error) {
	if p.bolt, err = openLog(s.o.Dir, false); err != nil {
		return err
	}
	if err := checkIdentity(p.bolt, p.id); err != nil {
		return err
	}
	if p.snaps, err = openSnapStore(s.o.Dir, s.log, s.accept); err != nil {
		return err
	}
	l, err := readLogRange(p.bolt)
	if err != nil {
		return err
	}
	snap, _ := p.snaps.newest() // zero if there is none
	if err := checkLog(l, snap, p.id); err != nil {
		return err
	}
	if err := s.loadState(p, l, snap); err != nil {
		return err
	}
	if p.id.Cluster == "" && p.info.cluster != "" {
		// A crash came between learning the cluster's id and noting it.
		p.id.Cluster = p.info.cluster
		return writeIdentity(s.o.Dir, p.id)
	}
	return nil
}

// logRange is what there is of the log.
type logRange struct {
	first, last uint64 // 0 for an empty log
	term        uint64 // newest term this node took part in
	has         func(index uint64) bool
}

func readLogRange(b *raftboltdb.BoltStore) (l logRange, err error) {
	if l.first, err = b.FirstIndex(); err != nil {
		return l, err
	}
	if l.last, err = b.LastIndex(); err != nil {
		return l, err
	}
	l.term, err = b.GetUint64([]byte(keyTerm))
	if errors.Is(err, raftboltdb.ErrKeyNotFound) {
		err = nil
	}
	l.has = func(index uint64) bool { return b.GetLog(index, new(raft.Log)) == nil }
	return l, err
}

// checkLog decides whether log and newest snapshot together hold everything
// from the first command on. A zero snap means that there is none.
func checkLog(l logRange, snap snapMeta, id identity) error {
	switch {
	case snap.Cluster != "" && id.Cluster != "" && snap.Cluster != id.Cluster:
		return id.match("snapshot "+snap.ID, identity{Node: id.Node, Cluster: snap.Cluster})
	case snap.Index == 0 && l.last == 0 && id.Cluster != "":
		return fmt.Errorf("%w: the log is empty and there is no snapshot; %s", ErrLostState, adviseLost)
	case snap.Index == 0 && l.first > 1:
		return fmt.Errorf("%w: the log begins with entry %d, and no snapshot covers those before; %s", ErrLostState, l.first, adviseLost)
	case snap.Index != 0 && l.last > snap.Index && !l.has(snap.Index+1):
		return fmt.Errorf("%w: the log begins with entry %d, but the newest readable snapshot ends with entry %d; %s",
			ErrLostState, l.first, snap.Index, adviseLost)
	case !snap.Streamed && l.last < snap.Index:
		return fmt.Errorf("%w: the log ends with entry %d, but this node's snapshot with entry %d: the log is an older copy, "+
			"and this node's votes are lost with the newer one; %s", ErrLostState, l.last, snap.Index, adviseLost)
	case l.term < snap.Term:
		return fmt.Errorf("%w: the log knows term %d, but a snapshot is of term %d: the log is an older copy; %s",
			ErrLostState, l.term, snap.Term, adviseLost)
	}
	return nil
}

// loadState opens the newest state, or makes it from the newest snapshot if
// that has more.
func (s *Store) loadState(p *parts, l logRange, snap snapMeta) error {
	gens, err := s.env.generations()
	if err != nil {
		return err
	}
	if len(gens) > 0 {
		p.gen = gens[len(gens)-1]
	}
	switch {
	case s.o.RebuildState:
		err = s.rebuildState(p, l, snap)
	case len(gens) == 0:
		err = fmt.Errorf("%w: the state in %s is missing; %s", ErrLostState, s.env.root, adviseRebuild)
	default:
		err = s.openNewestState(p, l, snap)
	}
	if err != nil {
		return err
	}
	for _, g := range gens {
		if g != p.gen {
			if err := os.RemoveAll(s.env.path(g)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) openNewestState(p *parts, l logRange, snap snapMeta) (err error) {
	if p.state, p.info, err = s.openState(p.gen, p.id); err != nil {
		return err
	}
	if err := checkAhead(p.info, l, snap); err != nil {
		return err
	}
	// Entries between snap.Applied and snap.Index never reach the state, so it is
	// complete without them.
	if p.info.applied >= snap.Applied {
		return nil
	}
	// A crash came between receiving a snapshot and installing it, or the state is
	// an older copy: the snapshot is committed data either way.
	s.log.Warn("raftstore: the snapshot is newer than the state and replaces it", "state", p.info.applied, "snapshot", snap.Applied)
	p.state.release()
	<-p.state.closed
	p.state = nil
	return s.restoreState(p, snap)
}

// checkAhead refuses a state that has more than the log.
func checkAhead(info stateInfo, l logRange, snap snapMeta) error {
	end := max(l.last, snap.Index)
	if info.applied <= end && info.term <= l.term {
		return nil
	}
	return fmt.Errorf("%w: the state has entry %d of term %d, but the log ends with entry %d and knows term %d: "+
		"the log is an older copy, and this node's votes are lost with the newer one; %s",
		ErrLostState, info.applied, info.term, end, l.term, adviseLost)
}

// rebuildState replaces whatever is in the state folder by the newest snapshot,
// or by nothing; checkLog has made sure that the log has the rest.
func (s *Store) rebuildState(p *parts, l logRange, snap snapMeta) error {
	if db, info, err := s.openState(p.gen, p.id); err == nil {
		// It can still tell whether the log is the right one.
		err = checkAhead(info, l, snap)
		if err = errors.Join(err, db.Close()); err != nil {
			return err
		}
	} else if errors.Is(err, ErrForeignState) {
		return err
	}
	s.log.Warn("raftstore: the state is rebuilt from snapshot and log, as RebuildState asks", "snapshot", snap.ID)
	if snap.Index != 0 {
		return s.restoreState(p, snap)
	}
	p.gen++
	if err := s.env.createEmpty(p.gen, p.id); err != nil {
		return err
	}
	var err error
	p.state, p.info, err = s.openState(p.gen, p.id)
	return err
}

// restoreState makes the next generation from a snapshot.
func (s *Store) restoreState(p *parts, snap snapMeta) (err error) {
	p.gen++
	if p.state, err = s.env.fromSnapshot(p.snaps.dataDir(snap.ID), p.gen, snap, p.id); err != nil {
		return err
	}
	s.m.restores.WithLabelValues("start").Inc()
	p.info, err = readStateInfo(p.state.DB)
	return err
}

// openState opens one generation and checks whose it is.
func (s *Store) openState(gen uint64, id identity) (*stateDB, stateInfo, error) {
	path := s.env.path(gen)
	db, err := s.env.open(path, false)
	if err != nil {
		err = fmt.Errorf("raftstore: state %s: %w", path, err)
		if errors.Is(err, pebble.ErrDBDoesNotExist) || errors.Is(err, fs.ErrNotExist) || pebble.IsCorruptionError(err) {
			err = fmt.Errorf("%w: %w; %s", ErrLostState, err, adviseRebuild)
		}
		return nil, stateInfo{}, err
	}
	info, err := readStateInfo(db)
	switch {
	case err != nil:
		err = fmt.Errorf("raftstore: state %s: %w; %s", path, err, adviseRebuild)
	case !info.hasOwner:
		err = fmt.Errorf("%w: the state %s was replaced by an empty or foreign one; %s", ErrLostState, path, adviseRebuild)
	default:
		err = id.match("state", info.owner)
		if err == nil {
			err = id.match("state", identity{Node: id.Node, Cluster: info.cluster})
		}
	}
	if err != nil {
		return nil, info, errors.Join(err, db.Close())
	}
	return newStateDB(db, path), info, nil
}
