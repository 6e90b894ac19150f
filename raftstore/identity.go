package raftstore

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// identity says whom a part of the data belongs to. One is kept in the folder's
// root, one inside the state and one inside the log's file, so that a part that
// was lost, exchanged or restored alone is noticed.
type identity struct {
	Version int    `json:"version"`
	Node    string `json:"node"`
	// Cluster is empty until a joining node has learned it from the log.
	Cluster string `json:"cluster,omitempty"`
	// Phase is used in the root only: while it is phaseStarting nothing was ever
	// acknowledged or voted, so everything may be made anew.
	Phase string `json:"phase,omitempty"`
}

const (
	identityVersion = 1
	phaseStarting   = "starting"
	phaseReady      = "ready"
)

// newClusterID returns 128 random bits in hex.
func newClusterID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}

func (id identity) encode() []byte {
	b, err := json.Marshal(id)
	if err != nil { // strings and a number: cannot happen
		panic(err)
	}
	return append(b, '\n')
}

func decodeIdentity(b []byte) (identity, error) {
	var id identity
	if err := json.Unmarshal(b, &id); err != nil {
		return id, fmt.Errorf("%w: identity: %w", ErrCorrupt, err)
	}
	if id.Version != identityVersion || id.Node == "" {
		return id, fmt.Errorf("%w: identity of version %d, node %q", ErrCorrupt, id.Version, id.Node)
	}
	return id, nil
}

// readIdentity reads the root's identity; ok is false if there is none.
func readIdentity(dir string) (id identity, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, identityName))
	if errors.Is(err, os.ErrNotExist) {
		return id, false, nil
	}
	if err != nil {
		return id, false, err
	}
	id, err = decodeIdentity(b)
	return id, err == nil, err
}

func writeIdentity(dir string, id identity) error {
	return writeFileDurably(filepath.Join(dir, identityName), id.encode())
}

// match refuses a part that belongs to somebody else.
func (id identity) match(part string, other identity) error {
	if other.Node != id.Node || other.Cluster != "" && id.Cluster != "" && other.Cluster != id.Cluster {
		return fmt.Errorf("%w: the %s belongs to node %q of cluster %q, this folder to node %q of cluster %q; "+
			"put back the parts that belong together (restore the whole folder from one backup), "+
			"or move the whole folder away and join the cluster as a new, empty member",
			ErrForeignState, part, other.Node, other.Cluster, id.Node, id.Cluster)
	}
	return nil
}

// adviseLost is what an operator can do about a lost part.
const adviseLost = "restore the whole folder from one backup; or, if other members of the cluster are alive, " +
	"remove this member from the cluster, move the whole folder away, and join as a new, empty member"

// adviseRebuild is added when the log and snapshots suffice.
const adviseRebuild = adviseLost + "; or start once with RebuildState, which replays the local snapshot and log"

// checkRoot compares the root's identity with the options and prepares the
// folder for a first start. It returns the identity to go on with and whether
// everything below has to be made.
func checkRoot(o *Options) (id identity, fresh bool, err error) {
	id, ok, err := readIdentity(o.Dir)
	if err != nil {
		return id, false, fmt.Errorf("raftstore: %s: %w; %s", filepath.Join(o.Dir, identityName), err, adviseLost)
	}
	parts := []string{logDir, stateRoot, snapRoot}
	if ok {
		if id.Node != o.NodeID {
			return id, false, fmt.Errorf("%w: %s belongs to node %q, but the configured node id is %q; "+
				"correct the node id or point to this node's own folder", ErrForeignState, o.Dir, id.Node, o.NodeID)
		}
		if id.Phase == phaseReady {
			return id, false, nil
		}
		// The first start was cut short before the node took part in anything.
		for _, p := range parts {
			if err := os.RemoveAll(filepath.Join(o.Dir, p)); err != nil {
				return id, false, err
			}
		}
	} else {
		for _, p := range parts {
			if empty, err := isEmptyDir(filepath.Join(o.Dir, p)); err != nil {
				return id, false, err
			} else if !empty {
				return id, false, fmt.Errorf("%w: %s is missing but %s is not empty; %s",
					ErrLostState, filepath.Join(o.Dir, identityName), filepath.Join(o.Dir, p), adviseLost)
			}
		}
	}
	id = identity{Version: identityVersion, Node: o.NodeID, Phase: phaseStarting}
	if o.Bootstrap {
		id.Cluster = newClusterID()
	}
	if err := writeIdentity(o.Dir, id); err != nil {
		return id, false, err
	}
	return id, true, nil
}
