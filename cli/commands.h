/* The commands, in the order of the help: one line each. Included by main.c alone. */
COMMAND(cmd_data)
COMMAND(cmd_train)
COMMAND(cmd_eval)
COMMAND(cmd_bench)
