"""/emporix digest …"""
