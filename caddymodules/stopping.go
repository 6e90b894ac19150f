package caddymodules

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// Caddy stops its apps in no particular order, and an HTTP server that has stopped
// answers no poll any more: browsers that poll would find a closed port instead of
// the word to go. So a process that ends sends all clients away before the first
// app stops.

// onStopping lets a hear when its configuration is about to stop.
func (a *App) onStopping(ctx caddy.Context) error {
	app, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("the events app: %w", err)
	}
	events, ok := app.(*caddyevents.App)
	if !ok {
		return errors.New("the events app is not Caddy's")
	}
	return events.On("stopping", stopHandler{a})
}

// stopHandler handles the event "stopping" of the app's configuration.
type stopHandler struct{ app *App }

// Handle implements caddyevents.Handler. A reload stops a configuration too; its
// clients stay.
func (h stopHandler) Handle(context.Context, caddy.Event) error {
	if caddy.Exiting() && h.app.held {
		h.app.node.sendAway()
	}
	return nil
}

// Interface guard
var _ caddyevents.Handler = stopHandler{}
