"""How pictures are found and read: layouts of folders, files and what is wrong with them, pixels."""
