"""The engines that Cascade is compared with, and Cascade itself: one module each, with a constant ``PEER``.

`observatory.comparing.peer` says what such a module holds. There is nothing else to register.
"""
