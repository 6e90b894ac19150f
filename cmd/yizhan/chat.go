package main

import (
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/yizhan-im/yizhan/cmd/yizhan/chat"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "chat",
		Usage: "--lbs <url> --appkey <key> --account <name> [--token <token>] [--to <account>]",
		Short: "Chats in the terminal, as an app would: to try a node and to debug one",
		CobraFunc: func(cmd *cobra.Command) {
			// The client parses its own flags: it is a program of its own that
			// does not know Caddy.
			cmd.DisableFlagParsing = true
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if code := chat.Run(cmd.Context(), args, os.Stdin, os.Stdout, os.Stderr); code != 0 {
					os.Exit(code)
				}
				return nil
			}
		},
	})
}
