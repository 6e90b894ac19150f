package appliance

import (
	"fmt"
	"path/filepath"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/search"
	"github.com/yizhan-im/yizhan/appliance/state"
)

// openSearch makes the index of messages, unless it is switched off.
func (n *Node) openSearch(cfg Config, queries *state.Queries) (err error) {
	if cfg.SearchOff {
		return nil
	}
	n.index, err = search.New(search.Config{
		Dir:     filepath.Join(cfg.DataDir, searchFolder),
		Queries: queries, Logger: n.logger, Registerer: n.registry,
	})
	if err != nil {
		return fmt.Errorf("%w; remove the folder %q, or switch search off", err, searchFolder)
	}
	return nil
}

// searcher is the index as app knows it: nil when there is none.
func (n *Node) searcher() app.Searcher {
	if n.index == nil {
		return nil
	}
	return n.index
}

func (n *Node) closeSearch() error {
	if n.index == nil {
		return nil
	}
	return n.index.Close()
}
